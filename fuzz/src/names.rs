//! Domain names, what hangs on patterns of them, and ranges of numbers: each against the plainest way to tell the same.

use dpi_engine::domain::{DomainName, DomainPattern, MAX_NAME_LEN, escaped, suffixes};
use dpi_engine::domain_map::{DomainMap, Met};
use dpi_engine::ranges::Ranges;

use crate::inspect::is_fit_to_show;
use crate::script::Script;

/// Patterns, ranges and questions of one script.
const MAX_ENTRIES: usize = 64;

/// The bytes of a name, read in every way.
pub fn domain_names(bytes: &[u8]) {
    let ascii = DomainName::from_bytes(bytes);
    let utf8 = DomainName::from_utf8_bytes(bytes);
    ascii.iter().chain(&utf8).for_each(is_fit_to_show);
    let bare = bytes.strip_suffix(b".").unwrap_or(bytes);
    let is_name = !bare.is_empty() && bare.len() <= MAX_NAME_LEN;
    assert_eq!((ascii.is_some(), utf8.is_some()), (is_name, is_name));
    if let Some(name) = &ascii {
        let spelled = spell(&bare.to_ascii_lowercase());
        assert_eq!(name.as_str(), spelled);
        let again = DomainName::from_bytes(name.as_str().as_bytes());
        let is_same_again = !spelled.contains('\\') && !spelled.ends_with('.');
        assert!(!is_same_again || again.as_ref() == Some(name));
    }
    assert_eq!(*escaped(bytes), *spell(bytes));
    of_labels(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(pattern) = DomainPattern::parse(text) {
        // As it is shown it is read again.
        assert_eq!(DomainPattern::parse(&pattern.to_string()), Ok(pattern));
    }
}

/// How bytes stand in a name.
fn spell(bytes: &[u8]) -> String {
    let mut spelled = String::new();
    for &byte in bytes {
        match byte {
            b'\\' | 0..b' ' | 0x7f.. => spelled.extend([
                '\\',
                digit(byte / 100),
                digit(byte / 10 % 10),
                digit(byte % 10),
            ]),
            _ => spelled.push(byte.into()),
        }
    }
    spelled
}

fn digit(digit: u8) -> char {
    (b'0' + digit).into()
}

/// Labels behind their lengths, as a message of DNS writes them out.
fn of_labels(bytes: &[u8]) {
    let mut labels = Vec::new();
    let mut rest = bytes;
    while let Some((&len, after)) = rest.split_first() {
        let Some((label, behind)) = after.split_at_checked(len.into()) else {
            break;
        };
        labels.push(label);
        rest = behind;
    }
    let mut each = labels.iter().map(|label| Ok::<_, ()>(*label));
    let joined = DomainName::from_labels(&mut each.clone()).ok().flatten();
    let utf8 = DomainName::from_utf8_labels(&mut each).ok().flatten();
    joined.iter().chain(&utf8).for_each(is_fit_to_show);
    if let Some(name) = &joined {
        assert_eq!(suffixes(name.as_str()).count(), labels.len(), "{name:?}");
    }
    if let Some((plain, len)) = DomainName::from_written_out(bytes) {
        let to_root = labels.iter().take_while(|label| !label.is_empty());
        let mut each = to_root.map(|label| Ok::<_, ()>(*label));
        let joined = DomainName::from_labels(&mut each).ok().flatten();
        assert!(
            Some(&plain) == joined.as_ref() && bytes[len - 1] == 0,
            "{plain:?} {joined:?}"
        );
    }
}

/// A script of patterns and of names to look up.
pub fn domain_map(bytes: &[u8]) {
    let mut script = Script(bytes);
    let mut map = DomainMap::default();
    let mut patterns: Vec<DomainPattern> = Vec::new();
    let mut names = Vec::new();
    while !script.is_over() && names.len() < MAX_ENTRIES {
        let kind = script.u8();
        let len = usize::from(script.u8());
        let text = String::from_utf8_lossy(script.take(len)).into_owned();
        names.push(text.clone());
        let pattern = match kind & 3 {
            0 => continue,
            1 => DomainPattern::Exact(text.into()),
            2 => DomainPattern::Subtree(text.into()),
            _ => match DomainPattern::parse(&text) {
                Ok(pattern) => pattern,
                Err(_) => continue,
            },
        };
        let known = patterns.iter().position(|known| *known == pattern);
        assert_eq!(map.insert(&pattern, known.unwrap_or(patterns.len())), known);
        if known.is_none() {
            patterns.push(pattern);
        }
    }
    for name in &names {
        let met: Vec<_> = map.matches(name).collect();
        assert_eq!(
            met,
            told_one_by_one(&patterns, name),
            "{name:?} in {patterns:?}"
        );
        assert_eq!(map.longest(name), met.last().copied());
    }
}

/// Every pattern that `name` meets, the most exact last.
fn told_one_by_one(patterns: &[DomainPattern], name: &str) -> Vec<Met<usize>> {
    let mut met = Vec::new();
    for (value, pattern) in patterns.iter().enumerate() {
        let (own, is_alone, is_met) = match pattern {
            DomainPattern::Exact(own) => (own, true, **own == *name && !own.is_empty()),
            DomainPattern::Subtree(own) => {
                (own, false, suffixes(name).any(|suffix| suffix == &**own))
            }
        };
        if is_met {
            met.push((own.len(), is_alone, value));
        }
    }
    met.sort_unstable();
    met.into_iter()
        .map(|(len, _, value)| Met { len, value })
        .collect()
}

/// A script of ranges and of numbers to look up.
pub fn ranges(bytes: &[u8]) {
    let mut script = Script(bytes);
    let is_wide = script.u8() & 1 == 1;
    let mut given: Vec<(u128, u128, u8)> = Vec::new();
    while !script.is_over() && given.len() < MAX_ENTRIES {
        let value = script.u8();
        let (low, high) = match is_wide {
            true => (script.u128(), script.u128()),
            false => (script.u16().into(), script.u16().into()),
        };
        given.push((low.min(high), low.max(high), value));
    }
    let borders = given.iter().flat_map(|&(low, high, _)| [low, high]);
    let around = borders.flat_map(|n| [n.saturating_sub(1), n, n.saturating_add(1)]);
    let numbers: Vec<u128> = around.chain([0, u128::MAX]).collect();
    let naive = |number: u128| {
        let holding = given
            .iter()
            .filter(|(low, high, _)| (low..=high).contains(&&number));
        holding.map(|(_, _, value)| *value).min()
    };
    if is_wide {
        let ranges = Ranges::new(
            given
                .iter()
                .map(|&(low, high, value)| (low..=high, value))
                .collect(),
        );
        for number in numbers {
            assert_eq!(ranges.get(number), naive(number), "{number} in {given:?}");
        }
        return;
    }
    let narrow = |&(low, high, value): &(u128, u128, u8)| (low as u16..=high as u16, value);
    let ranges = Ranges::new(given.iter().map(narrow).collect());
    assert_eq!(ranges.is_empty(), given.is_empty());
    for number in numbers
        .into_iter()
        .filter_map(|number| u16::try_from(number).ok())
    {
        assert_eq!(
            ranges.get(number),
            naive(number.into()),
            "{number} in {given:?}"
        );
    }
}
