//! The catalogue as `--list-apps` prints it.

use unicode_width::UnicodeWidthStr;

/// Name and domains.
type App<'a> = (&'a str, Vec<&'a str>);

/// Lists applications under their categories, one a line, their domains in a column.
///
/// * `apps`: category, name and domains of each; categories and applications keep the order in which they come.
/// * One line an application, however long, so that `grep` finds whole ones. Ends with a line feed, unless empty.
pub fn list_apps<'a>(apps: impl Iterator<Item = (&'a str, &'a str, Vec<&'a str>)>) -> String {
    let mut categories: Vec<(&str, Vec<App<'_>>)> = Vec::new();
    for (category, name, domains) in apps {
        match categories.iter_mut().find(|(known, _)| *known == category) {
            Some((_, members)) => members.push((name, domains)),
            None => categories.push((category, vec![(name, domains)])),
        }
    }
    let names = categories.iter().flat_map(|(_, members)| members);
    let column = names.map(|(name, _)| name.width()).max().unwrap_or(0);

    let mut text = String::new();
    for (category, members) in &categories {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(category);
        text.push('\n');
        for (name, domains) in members {
            text.push_str("  ");
            text.push_str(name);
            if !domains.is_empty() {
                // By display width: `{:1$}` would count characters.
                text.push_str(&" ".repeat(column - name.width() + 2));
                text.push_str(&domains.join(", "));
            }
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_stand_under_their_category_with_domains_aligned() {
        let apps = [
            ("Streaming", "YouTube", vec!["youtube.com", "youtu.be"]),
            ("Social", "Twitter/X", vec!["x.com"]),
            ("Streaming", "優酷", vec!["youku.com"]),
            ("Protocols", "DNS", vec![]),
        ];
        let expected = "\
Streaming
  YouTube    youtube.com, youtu.be
  優酷       youku.com

Social
  Twitter/X  x.com

Protocols
  DNS
";
        assert_eq!(list_apps(apps.into_iter()), expected);
    }

    #[test]
    fn no_applications_are_no_text() {
        assert_eq!(list_apps(std::iter::empty()), "");
    }
}
