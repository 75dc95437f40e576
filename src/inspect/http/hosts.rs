//! The hosts that one request names. For whom it is depends on who reads it, so all of them are told, up to a bound.

use std::net::Ipv6Addr;

use crate::domain::DomainName;

/// Values of one field that are read, besides the last.
///
/// Who gets several takes the first or the last. One in the middle of many is for nobody; and a table of HTTP/2 says it in a byte.
const MAX_VALUES: usize = 8;

/// The hosts in the values of one field, such as Host.
#[derive(Debug, Default)]
pub(in crate::inspect) struct Hosts {
    /// Without repetition.
    names: Vec<DomainName>,
    /// How many values were read.
    values: usize,
    /// The last of the other values.
    last: Option<Vec<u8>>,
}

impl Hosts {
    /// Takes in a value of the field.
    pub(in crate::inspect) fn add(&mut self, value: &[u8]) {
        if self.values < MAX_VALUES {
            self.values += 1;
            self.push(value);
        } else {
            let last = self.last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(value);
        }
    }

    /// The hosts, after the last value: in their order, each once.
    pub(in crate::inspect) fn into_names(mut self) -> Vec<DomainName> {
        if let Some(last) = self.last.take() {
            self.push(&last);
        }
        self.names
    }

    fn push(&mut self, value: &[u8]) {
        if let Some(host) = host_of(value)
            && !self.names.contains(&host)
        {
            self.names.push(host);
        }
    }
}

/// The host in an authority: without user, port and brackets.
///
/// Source: RFC 3986 §3.2.
pub(super) fn host_of(authority: &[u8]) -> Option<DomainName> {
    let authority = authority.rsplit(|&byte| byte == b'@').next()?.trim_ascii();
    let is_address = || {
        authority.contains(&b':')
            && str::from_utf8(authority).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
    };
    let host = match authority.strip_prefix(b"[") {
        Some(literal) => literal.split(|&byte| byte == b']').next()?,
        // Without its brackets it is against the rules, but no less an address.
        None if is_address() => authority,
        None => authority.split(|&byte| byte == b':').next()?,
    };
    DomainName::from_bytes(host.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(values: &[&str]) -> String {
        let mut hosts = Hosts::default();
        for value in values {
            hosts.add(value.as_bytes());
        }
        let names = hosts.into_names();
        names
            .iter()
            .map(DomainName::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn each_host_is_told_once_in_order() {
        assert_eq!(told(&[]), "");
        assert_eq!(told(&["", "b:80", "u@a", "B.", "a"]), "b a");
    }

    #[test]
    fn of_many_the_first_and_the_last_are_told() {
        let names: Vec<String> = (0..MAX_VALUES + 5).map(|i| format!("h{i}")).collect();
        let many: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(told(&many), "h0 h1 h2 h3 h4 h5 h6 h7 h12");
        let same = [&["a"; 1000][..], &["b"]].concat();
        assert_eq!(told(&same), "a b");
        assert_eq!(told(&[&same[..], &["a"]].concat()), "a");
    }
}
