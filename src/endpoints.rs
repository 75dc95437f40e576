//! Addresses and ports as people write them in flags and files.
//!
//! Text goes in, prefixes and ranges come out. Knows nothing of what they are wanted for.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Net};
use thiserror::Error;

use crate::ini::shown;
use crate::packet::IpProtocol;

/// Why a text is no address or prefix.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressError {
    /// No address, and no prefix either.
    #[error("'{}' is no IP address or prefix, expected one such as 192.168.1.50, 10.0.0.0/8 or 2001:db8::/32", shown(.0))]
    Address(String),
    /// A prefix whose length is none.
    #[error("'{}' has no valid prefix length, expected /0 to /{max}", shown(.found))]
    PrefixLength {
        /// The whole text.
        found: String,
        /// Bits of the address.
        max: u8,
    },
}

/// Why a text is no port or range of ports.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PortError {
    /// No port, and no range either.
    #[error("'{}' is no port, expected a number from 1 to 65535 or a range such as 6881-6889", shown(.0))]
    Port(String),
    /// A transport that has no ports here.
    #[error("found the transport '{}', expected tcp or udp, as in 5060/udp", shown(.0))]
    Transport(String),
    /// A range that ends before it begins.
    #[error("'{}' runs backward, expected the lower port first, as in {high}-{low}", shown(.found), low = .range.0, high = .range.1)]
    Order {
        /// The whole text.
        found: String,
        /// Its two ports, as they stand.
        range: (u16, u16),
    },
}

/// The prefix that `text` names; a single address is one of full length.
///
/// * Host bits are dropped: `10.0.0.1/8` is `10.0.0.0/8`.
/// * An IPv4-mapped IPv6 prefix is the IPv4 prefix that it stands for.
///
/// # Errors
/// [`AddressError`] says what was found and what was expected.
pub fn net(text: &str) -> Result<IpNet, AddressError> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address
        .parse()
        .map_err(|_| AddressError::Address(text.to_owned()))?;
    let max = if address.is_ipv4() { 32 } else { 128 };
    let net = match length {
        None => Ok(IpNet::from(address)),
        Some(length) => number(length)
            .and_then(|length| IpNet::new(address, length).ok())
            .ok_or_else(|| AddressError::PrefixLength {
                found: text.to_owned(),
                max,
            }),
    };
    net.map(|net| unmapped(net.trunc()))
}

/// The ports from `LO` to `HI` that `text` names as `LO-HI`, both included; a single port is a range of one.
///
/// # Errors
/// [`PortError`] says what was found and what was expected.
pub fn ports(text: &str) -> Result<RangeInclusive<u16>, PortError> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| number(text.trim()).filter(|port| *port != 0);
    match (port(low), port(high)) {
        (Some(low), Some(high)) if low <= high => Ok(low..=high),
        (Some(low), Some(high)) => Err(PortError::Order {
            found: text.to_owned(),
            range: (low, high),
        }),
        _ => Err(PortError::Port(text.to_owned())),
    }
}

/// The same with the transport behind it, as in `LO-HI/tcp`; `None` where none stands there.
///
/// # Errors
/// [`PortError`] says what was found and what was expected.
pub fn transport_ports(text: &str) -> Result<(RangeInclusive<u16>, Option<IpProtocol>), PortError> {
    let (range, transport) = match text.split_once('/') {
        Some((range, transport)) => (range, Some(transport.trim())),
        None => (text, None),
    };
    let range = ports(range)?;
    let transport = match transport {
        None => None,
        Some(tcp) if tcp.eq_ignore_ascii_case("tcp") => Some(IpProtocol::TCP),
        Some(udp) if udp.eq_ignore_ascii_case("udp") => Some(IpProtocol::UDP),
        Some(other) => return Err(PortError::Transport(other.to_owned())),
    };
    Ok((range, transport))
}

/// Decimal digits alone: the standard library would take a sign as well.
pub(crate) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The IPv4 prefix that an IPv4-mapped IPv6 prefix stands for (RFC 4291 §2.5.5.2); any other prefix as it is.
fn unmapped(net: IpNet) -> IpNet {
    if let (IpNet::V6(net), Some(length)) = (net, net.prefix_len().checked_sub(96))
        && let Some(address) = net.network().to_ipv4_mapped()
        && let Ok(v4) = Ipv4Net::new(address, length)
    {
        return IpNet::V4(v4);
    }
    net
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_lose_host_bits_and_mapping() {
        for (text, prefix) in [
            ("10.0.0.1/8", "10.0.0.0/8"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(net(text).unwrap().to_string(), prefix);
        }
    }

    #[test]
    fn texts_that_are_no_prefix_are_refused() {
        for bad in [
            "",
            "10.0.0.999",
            "10.0.0",
            "010.0.0.1",
            "fe80::1%eth0",
            "[::1]",
            "host",
            "10.0.0.1:80",
            "/8",
            "::g",
        ] {
            assert_eq!(net(bad), Err(AddressError::Address(bad.to_owned())));
        }
        for (bad, max) in [
            ("10.0.0.0/33", 32),
            ("10.0.0.0/", 32),
            ("10.0.0.0/+8", 32),
            ("10.0.0.0/8/8", 32),
            ("10.0.0.0/255.0.0.0", 32),
            ("10.0.0.0/264", 32),
            ("::/129", 128),
            ("::/-1", 128),
        ] {
            let found = bad.to_owned();
            assert_eq!(net(bad), Err(AddressError::PrefixLength { found, max }));
        }
    }

    #[test]
    fn texts_that_are_no_ports_are_refused() {
        assert_eq!(ports("6881-6889"), Ok(6881..=6889));
        for bad in [
            "", "0", "70000", "65536", "-1", "+80", "80-", "-80", "0-80", "1-2-3", "http", "0x50",
            "80,81", "8 0",
        ] {
            assert_eq!(ports(bad), Err(PortError::Port(bad.to_owned())));
        }
        assert_eq!(
            ports("6889-6881").unwrap_err().to_string(),
            "'6889-6881' runs backward, expected the lower port first, as in 6881-6889"
        );
        assert_eq!(
            ports("70000").unwrap_err().to_string(),
            "'70000' is no port, expected a number from 1 to 65535 or a range such as 6881-6889"
        );
    }
}
