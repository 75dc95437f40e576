//! DNS that is encrypted: told by what a client offers, and by whom it asks.
//!
//! In: the protocols of a flow, the offer and the name in its ClientHello. Out: whether what it carries is DNS. Knows nothing of bytes.

use crate::alpn::Alpn;
use crate::domain::suffixes;
use crate::protocol::{Protocol, Protocols};

/// Port of DNS over TLS (RFC 7858 §3.1) and over QUIC (RFC 9250 §4.1.1).
const PORT: u16 = 853;
/// Application protocol of DNS over TLS, IANA "TLS ALPN Protocol IDs".
const ALPN_TLS: &str = "dot";
/// Application protocol of DNS over QUIC, RFC 9250 §4.1.
const ALPN_QUIC: &str = "doq";
/// What the drafts before it have, with their number behind.
const ALPN_QUIC_DRAFT: &str = "doq-i";

/// Hosts that answer DNS over HTTPS and do little else, in ascending order.
///
/// Source: curl's list "DNS over HTTPS: publicly available servers"; AdGuard's "Known DNS providers"; the providers' own pages.
#[rustfmt::skip]
const RESOLVERS: [&str; 69] = [
    "adult-filter-dns.cleanbrowsing.org", "dns-family.adguard.com", "dns-unfiltered.adguard.com", "dns.aa.net.uk",
    "dns.adguard.com", "dns.alidns.com", "dns.cloudflare.com", "dns.digitale-gesellschaft.ch", "dns.dnshome.de",
    "dns.google", "dns.google.com", "dns.njal.la", "dns.opendns.com", "dns.pub", "dns.sb", "dns.switch.ch",
    "dns.twnic.tw", "dns.umbrella.com", "dns1.dnscrypt.ca", "dns10.quad9.net", "dns11.quad9.net", "dns12.quad9.net",
    "dns2.dnscrypt.ca", "dns64.dns.google", "dns9.quad9.net", "dnses.alekberg.net", "dnsforge.de", "dnsnl.alekberg.net",
    "dnsse.alekberg.net", "doh-2.seby.io", "doh-ch.blahdns.com", "doh-de.blahdns.com", "doh-fi.blahdns.com",
    "doh-jp.blahdns.com", "doh-sg.blahdns.com", "doh.360.cn", "doh.applied-privacy.net", "doh.appliedprivacy.net",
    "doh.bortzmeyer.fr", "doh.cleanbrowsing.org", "doh.crypto.sx", "doh.dns.apple.com", "doh.dns.sb", "doh.dnslify.com",
    "doh.familyshield.opendns.com", "doh.ffmuc.net", "doh.libredns.gr", "doh.mullvad.net", "doh.opendns.com",
    "doh.powerdns.org", "doh.pub", "doh.sandbox.opendns.com", "doh.sb", "doh.seby.io", "doh.tiar.app", "doh.tiarap.org",
    "doh.umbrella.com", "doh.xfinity.com", "fi.doh.dns.snopyta.org", "jp.tiar.app", "jp.tiarap.org",
    "kaitain.restena.lu", "ns0.fdn.fr", "ns1.fdn.fr", "odvr.nic.cz", "one.one.one.one", "public.dns.iij.jp",
    "rdns.faelix.net", "resolver-eu.lelux.fi",
];

/// Domains below which every host does, in ascending order.
#[rustfmt::skip]
const RESOLVER_DOMAINS: [&str; 13] = [
    "adguard-dns.com", "canadianshield.cira.ca", "cloudflare-dns.com", "cloudflare-gateway.com", "dns.controld.com",
    "dns.mullvad.net", "dns.nextdns.io", "dns.quad9.net", "dot.dns.yandex.net", "freedns.controld.com", "joindns4.eu",
    "rethinkdns.com", "wikimedia-dns.org",
];

/// The kind of DNS that a flow is seen to carry by what its client offers.
///
/// * `protocols`: of the flow, so far.
/// * `alpn`: the application protocols offered; none where the client was not heard, or offers none.
/// * `port`: the responder's.
pub fn by_offer(protocols: &Protocols, alpn: &Alpn, port: u16) -> Option<Protocol> {
    let offers = |wanted: fn(&str) -> bool| alpn.iter().any(wanted);
    if protocols.has(Protocol::Quic) {
        let is_doq = offers(|name| name == ALPN_QUIC || name.starts_with(ALPN_QUIC_DRAFT));
        return is_doq.then_some(Protocol::DnsOverQuic);
    }
    let is_dot = offers(|name| name == ALPN_TLS) || alpn.is_empty() && port == PORT;
    (protocols.has(Protocol::Tls) && is_dot).then_some(Protocol::DnsOverTls)
}

/// The kind of DNS that a flow is seen to carry by the server name in its ClientHello.
///
/// * `protocols`: as for [`by_offer`].
/// * What is no HTTP, of any version, is not told by its name: resolvers have other doors.
pub fn by_name(protocols: &Protocols, name: &str) -> Option<Protocol> {
    let is_http = protocols.has(Protocol::Https)
        || protocols.has(Protocol::Quic) && !protocols.has(Protocol::DnsOverQuic);
    (is_http && is_resolver(name)).then_some(Protocol::DnsOverHttps)
}

/// Whether a protocol is one of the kinds.
pub const fn is_kind(protocol: Protocol) -> bool {
    matches!(
        protocol,
        Protocol::DnsOverTls | Protocol::DnsOverHttps | Protocol::DnsOverQuic
    )
}

/// Whether the host of this name is a public resolver.
fn is_resolver(name: &str) -> bool {
    has(&RESOLVERS, &RESOLVER_LENS, name)
        || suffixes(name).any(|suffix| has(&RESOLVER_DOMAINS, &RESOLVER_DOMAIN_LENS, suffix))
}

/// Whether `names`, which are in ascending order, have this one.
fn has(names: &[&str], lens: &Lens, name: &str) -> bool {
    let first = name.as_bytes().first().copied().unwrap_or_default();
    let lens = lens.get(usize::from(first)).copied().unwrap_or_default();
    // Turns away nearly every name before one is compared.
    let is_len =
        u32::try_from(name.len()).is_ok_and(|len| lens.checked_shr(len).unwrap_or(0) & 1 == 1);
    is_len && names.binary_search(&name).is_ok()
}

/// For every first byte, how long the names are that begin with it: a bit for each length.
type Lens = [u64; 256];

static RESOLVER_LENS: Lens = lens(&RESOLVERS);
static RESOLVER_DOMAIN_LENS: Lens = lens(&RESOLVER_DOMAINS);

const fn lens(mut names: &[&str]) -> Lens {
    let mut lens = [0; 256];
    while let [name, rest @ ..] = names {
        lens[name.as_bytes()[0] as usize] |= 1 << name.len();
        names = rest;
    }
    lens
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::DomainName;

    fn of(list: &[Protocol]) -> Protocols {
        let mut protocols = Protocols::default();
        for &protocol in list {
            protocols.push(protocol);
        }
        protocols
    }

    #[test]
    fn the_tables_are_sorted_and_normalised() {
        for table in [&RESOLVERS[..], &RESOLVER_DOMAINS[..]] {
            assert!(table.is_sorted_by(|a, b| a < b), "{table:?}");
            for name in table {
                let normal = DomainName::from_bytes(name.as_bytes()).unwrap();
                assert_eq!(normal.as_str(), *name);
            }
        }
    }

    #[test]
    fn dns_over_tls_has_its_protocol_or_its_port() {
        let tls = of(&[Protocol::Tls]);
        let offer = |names: &[&str]| names.iter().map(|name| name.as_bytes()).collect::<Alpn>();
        let told = |names: &[&str], port| by_offer(&tls, &offer(names), port);
        assert_eq!(told(&["dot"], 443), Some(Protocol::DnsOverTls));
        assert_eq!(told(&[], 853), Some(Protocol::DnsOverTls));
        assert_eq!(told(&["h2"], 853), None);
        assert_eq!(told(&[], 443), None);
        assert_eq!(by_offer(&of(&[]), &Alpn::NONE, 853), None);
    }

    #[test]
    fn dns_over_quic_has_its_protocol_or_a_drafts() {
        let quic = of(&[Protocol::Quic]);
        for (name, is_doq) in [
            ("doq", true),
            ("doq-i02", true),
            ("h3", false),
            ("doqx", false),
        ] {
            let told = by_offer(&quic, &[name.as_bytes()].into_iter().collect(), 853);
            assert_eq!(told, is_doq.then_some(Protocol::DnsOverQuic), "{name}");
        }
        assert_eq!(by_offer(&quic, &Alpn::NONE, 853), None);
    }

    #[test]
    fn dns_over_https_is_asked_of_a_known_resolver() {
        let https = of(&[Protocol::Tls, Protocol::Https]);
        for name in [
            "dns.google",
            "mozilla.cloudflare-dns.com",
            "ab12.dns.nextdns.io",
        ] {
            assert_eq!(
                by_name(&https, name),
                Some(Protocol::DnsOverHttps),
                "{name}"
            );
        }
        for name in [
            "google",
            "www.dns.google",
            "cloudflare.com",
            "xcloudflare-dns.com",
        ] {
            assert_eq!(by_name(&https, name), None, "{name}");
        }
        assert!(by_name(&of(&[Protocol::Quic]), "dns.google").is_some());
        assert!(by_name(&of(&[Protocol::Tls]), "dns.google").is_none());
        let doq = of(&[Protocol::Quic, Protocol::DnsOverQuic]);
        assert!(by_name(&doq, "dns.adguard-dns.com").is_none());
    }
}
