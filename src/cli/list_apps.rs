//! The catalogue as `--list-apps` prints it.

use unicode_width::UnicodeWidthStr;

/// What is told of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedApp {
    /// Its name.
    pub name: String,
    /// What else it may be called.
    pub aliases: Vec<String>,
    /// The applications that it is a part of.
    pub wholes: Vec<String>,
    /// What it is known by.
    pub signs: Vec<String>,
}

impl ListedApp {
    /// `(Google Mail; part of Google) gmail.com, googlemail.com`
    fn details(&self) -> String {
        let mut notes = Vec::new();
        if !self.aliases.is_empty() {
            notes.push(self.aliases.join(", "));
        }
        if !self.wholes.is_empty() {
            notes.push(format!("part of {}", self.wholes.join(", ")));
        }
        let signs = self.signs.join(", ");
        match (notes.as_slice(), signs.as_str()) {
            ([], signs) => signs.to_owned(),
            (notes, "") => format!("({})", notes.join("; ")),
            (notes, signs) => format!("({}) {signs}", notes.join("; ")),
        }
    }
}

/// Lists applications under their categories, one a line, their aliases, wholes and what they are known by in a column.
///
/// * `apps`: each with its category; categories and applications keep the order in which they come.
/// * One line an application, however long, so that `grep` finds whole ones. Ends with a line feed, unless empty.
pub fn list_apps<'a>(apps: impl Iterator<Item = (&'a str, ListedApp)>) -> String {
    let mut categories: Vec<(&str, Vec<ListedApp>)> = Vec::new();
    let mut column = 0;
    for (category, app) in apps {
        column = column.max(app.name.width());
        match categories.iter_mut().find(|(known, _)| *known == category) {
            Some((_, members)) => members.push(app),
            None => categories.push((category, vec![app])),
        }
    }

    let mut text = String::new();
    for (category, members) in &categories {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(category);
        text.push('\n');
        for app in members {
            text.push_str("  ");
            text.push_str(&app.name);
            let details = app.details();
            if !details.is_empty() {
                // By display width: `{:1$}` would count characters.
                text.push_str(&" ".repeat(column - app.name.width() + 2));
                text.push_str(&details);
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
    fn applications_stand_under_their_category_with_signs_aligned() {
        let listed = |name: &str, aliases: &[&str], signs: &[&str]| ListedApp {
            name: name.to_owned(),
            aliases: aliases.iter().map(ToString::to_string).collect(),
            signs: signs.iter().map(ToString::to_string).collect(),
            ..ListedApp::default()
        };
        let part_of = |whole: &str, app: ListedApp| ListedApp {
            wholes: vec![whole.to_owned()],
            ..app
        };
        let apps = [
            (
                "Streaming",
                listed("YouTube", &["yt"], &["youtube.com", "youtu.be"]),
            ),
            ("Social", listed("Twitter/X", &["Twitter", "X"], &["x.com"])),
            ("Streaming", listed("優酷", &[], &["youku.com"])),
            (
                "Streaming",
                part_of("優酷", listed("Kids", &["k"], &["kids.youku.com"])),
            ),
            (
                "Social",
                part_of("X", listed("Spaces", &[], &["spaces.x.com"])),
            ),
            ("Protocols", listed("DNS", &[], &[])),
            ("Protocols", listed("TLS", &["SSL"], &[])),
        ];
        let expected = "\
Streaming
  YouTube    (yt) youtube.com, youtu.be
  優酷       youku.com
  Kids       (k; part of 優酷) kids.youku.com

Social
  Twitter/X  (Twitter, X) x.com
  Spaces     (part of X) spaces.x.com

Protocols
  DNS
  TLS        (SSL)
";
        assert_eq!(list_apps(apps.into_iter()), expected);
    }

    #[test]
    fn no_applications_are_no_text() {
        assert_eq!(list_apps(std::iter::empty()), "");
    }
}
