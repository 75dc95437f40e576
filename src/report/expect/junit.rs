//! Differences as JUnit XML, which CI systems show.
//!
//! Source: the schema of Apache Ant's JUnit task, as far as all readers agree on it: a test suite with a test case for each part of the
//! report, and in it a failure where that part differs.

use std::fmt::Write as _;

use super::{Difference, printable, sections};

/// The result of a comparison as JUnit XML.
///
/// * `name`: the kept report, as the user named it.
pub fn junit(name: &str, differences: &[Difference]) -> String {
    let sections: Vec<_> = sections()
        .map(|section| {
            let of_it = differences.iter().filter(|d| d.section == section);
            (section, of_it.collect::<Vec<_>>())
        })
        .collect();
    let failures = sections
        .iter()
        .filter(|(_, of_it)| !of_it.is_empty())
        .count();
    let (tests, name) = (sections.len(), escaped(&printable(name)));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // A String takes all that is written to it.
    let _ = writeln!(
        xml,
        "<testsuite name=\"dpi_engine --expect {name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">"
    );
    for (section, of_it) in sections {
        let _ = write!(
            xml,
            "  <testcase classname=\"dpi_engine.expect\" name=\"{section}\""
        );
        if of_it.is_empty() {
            xml.push_str("/>\n");
            continue;
        }
        let count = of_it.len();
        let _ = write!(
            xml,
            ">\n    <failure message=\"differences: {count}\" type=\"difference\">"
        );
        for difference in of_it {
            let _ = writeln!(xml, "{}", escaped(&difference.to_string()));
        }
        xml.push_str("</failure>\n  </testcase>\n");
    }
    xml.push_str("</testsuite>\n");
    xml
}

/// `text` as it may stand in an element or an attribute. What XML 1.0 §2.2 has no place for is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_differs_fails_and_each_other_passes() {
        let difference = Difference {
            section: "domains",
            what: "<b>&\"'\x1b]]>".to_owned(),
            expected: None,
            found: Some("3 flows".to_owned()),
        };
        let xml = junit("a&b.json", std::slice::from_ref(&difference));
        assert!(
            xml.contains("name=\"dpi_engine --expect a&amp;b.json\" tests=\"10\" failures=\"1\""),
            "{xml}"
        );
        assert!(xml.contains(
            "  <testcase classname=\"dpi_engine.expect\" name=\"domains\">\n    <failure message=\"differences: 1\" type=\"difference\">\
             domains: &lt;b&gt;&amp;&quot;&apos;\u{fffd}]]&gt; is new (3 flows)\n</failure>\n  </testcase>\n"
        ), "{xml}");
        assert_eq!(xml.matches("/>\n").count(), 9);
    }

    #[test]
    fn nothing_that_xml_has_no_place_for_gets_through() {
        for c in '\0'..='\u{ffff}' {
            let escaped = escaped(&c.to_string());
            let is_allowed =
                |c: char| matches!(c, ' '..='\u{fffd}' | '\u{10000}'..) && !"<\"'".contains(c);
            assert!(escaped.chars().all(is_allowed), "{c:?}");
        }
    }
}
