//! TLS over TCP: what a client says, and what a server says.

use dpi_engine::inspect::Outcome;
use dpi_engine::inspect::tls::{
    ClientHello, MAX_ALPN, MAX_CERTIFICATE_NAMES, are_surely_records, certificate_names,
    certificate_names_partial, client_hello, client_hello_message, client_hello_message_partial,
    client_hello_partial, find_client_hello, find_server_hello, find_whole_client_hello,
    fingerprints, is_front_of_record, is_of_tor, looks_like_client_hello, server_hello,
    sslv2_client_hello, whole_client_hello,
};

use super::{cut, is_fit_to_show, stays};

/// What a client says first; two bytes in front say where it is cut.
pub fn client(bytes: &[u8]) {
    let (prefix, said) = cut(bytes);
    let whole = client_hello(said);
    stays(&client_hello(prefix), &whole);
    if let Outcome::Found(hello) = &whole {
        is_sound(hello);
        assert!(looks_like_client_hello(said));
    }
    client_hello_partial(said).iter().for_each(is_sound);
    stays(&client_hello_message(prefix), &client_hello_message(said));
    client_hello_message_partial(said).iter().for_each(is_sound);
    if let Some(print) = fingerprints(said) {
        assert_eq!((print.ja3.len(), print.ja4.len()), (32, 36), "{print:?}");
        assert!(print.ja4.chars().all(|c| c.is_ascii_graphic()), "{print:?}");
    }
    stays(&sslv2_client_hello(prefix), &sslv2_client_hello(said));
    for reach in [0, prefix.len(), said.len()] {
        for found in [
            find_client_hello(said, reach),
            find_server_hello(said, reach),
        ] {
            assert!(found.is_none_or(|at| 0 < at && at <= reach && at < said.len()));
        }
    }
    let hello = whole_client_hello(said);
    assert!(hello.is_none() || hello.map(Outcome::Found) == Some(whole));
    if let Some((hello, start)) = find_whole_client_hello(said) {
        assert_eq!(whole_client_hello(start), Some(hello));
        assert!(start.len() < said.len() && said.ends_with(start));
    }
}

fn is_sound(hello: &ClientHello) {
    assert!(hello.alpn.iter().count() <= MAX_ALPN);
    hello.server_name.iter().for_each(is_fit_to_show);
    for protocol in hello.alpn.iter() {
        assert!(
            protocol.chars().all(|c| matches!(c, ' '..='~')),
            "{protocol:?}"
        );
    }
}

/// What a server says first; two bytes in front say where it is cut.
pub fn server(bytes: &[u8]) {
    let (prefix, said) = cut(bytes);
    stays(&server_hello(prefix), &server_hello(said));
    let names = certificate_names(said);
    stays(&certificate_names(prefix), &names);
    let partial = certificate_names_partial(said);
    if let Outcome::Found(names) = &names {
        assert!(names.len() <= MAX_CERTIFICATE_NAMES);
        names.iter().for_each(is_fit_to_show);
    }
    assert!(partial.len() <= MAX_CERTIFICATE_NAMES);
    partial.iter().for_each(is_fit_to_show);
    let _ = is_of_tor(said, None);
    let _ = is_of_tor(said, partial.first());
    let _ = are_surely_records(said);
    let _ = is_front_of_record(said);
}
