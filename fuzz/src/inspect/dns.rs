//! DNS, multicast DNS and LLMNR: questions, and the addresses in answers.

use dpi_engine::inspect::Outcome;
use dpi_engine::inspect::dns::answers::{MAX_ADDRESSES, answers as answers_in, answers_over_tcp};
use dpi_engine::inspect::dns::{
    Dialect, MAX_QUESTIONS, is_surely_dns, is_surely_dns_over_tcp, message, tcp_message,
};

use super::{cut, is_fit_to_show, stays};
use crate::script::piece;

/// A message, in every dialect; two bytes in front say where it is cut.
pub fn messages(bytes: &[u8]) {
    let (prefix, said) = cut(bytes);
    for dialect in [Dialect::Dns, Dialect::Mdns, Dialect::Llmnr] {
        let outcome = message(said, dialect);
        if let Outcome::Found(message) = &outcome {
            assert!(message.questions.len() <= MAX_QUESTIONS);
            let names = message
                .questions
                .iter()
                .filter_map(|question| question.name.as_ref());
            names.for_each(is_fit_to_show);
        }
        let _ = message(prefix, dialect);
        let over_tcp = tcp_message(said, dialect);
        stays(&tcp_message(prefix, dialect), &over_tcp);
        if let Outcome::Found((len, _)) = over_tcp {
            // It is told as soon as the questions are there, so all of it may still be to come.
            assert!(2 < len && len <= 2 + usize::from(u16::MAX));
        }
        if let Outcome::Found((_, framed)) = tcp_message(&piece(said), dialect) {
            assert_eq!(outcome, Outcome::Found(framed));
        }
    }
    if is_surely_dns(said) {
        assert!(matches!(message(said, Dialect::Dns), Outcome::Found(_)));
    }
    // Nothing is waited for that may be another protocol's, so an answer may change with more.
    let _ = (is_surely_dns_over_tcp(prefix), is_surely_dns_over_tcp(said));
}

/// A response.
pub fn answers(bytes: &[u8]) {
    let found = answers_in(bytes);
    if let Some(answers) = &found {
        is_fit_to_show(&answers.name);
        assert!((1..=MAX_ADDRESSES).contains(&answers.addresses.len()));
    }
    if bytes.len() <= usize::from(u16::MAX) {
        let framed = piece(bytes);
        let over_tcp = answers_over_tcp(&framed, framed.len());
        assert_eq!(over_tcp, Vec::from_iter(found.clone()));
        // Twice the same, and then a message of which the capture has nothing.
        let twice = [&framed[..], &framed, &framed[..2]].concat();
        let over_tcp = answers_over_tcp(&twice, twice.len() + bytes.len());
        assert_eq!(
            over_tcp,
            Vec::from_iter([found.clone(), found].into_iter().flatten())
        );
    }
    let _ = answers_over_tcp(bytes, bytes.len());
}
