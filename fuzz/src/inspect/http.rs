//! HTTP/1 and HTTP/2 in the clear.

use dpi_engine::inspect::Outcome;
use dpi_engine::inspect::h2::{PREFACE, Request, Requests, preface};
use dpi_engine::inspect::http::{
    ChunkedBody, is_response, looks_like_request, request, request_partial,
};

use super::{cut, is_fit_to_show, stays};
use crate::script::Script;

/// Bytes that the requests of a connection may hold: the table that blocks refer to, as the RFC counts it, and a block.
const MAX_HELD: usize = 512 << 10;

/// What a client says first; two bytes in front say where it is cut.
pub fn http(bytes: &[u8]) {
    let (prefix, said) = cut(bytes);
    let whole = request(said);
    stays(&request(prefix), &whole);
    if let Outcome::Found(request) = &whole {
        assert!(request.len <= said.len());
        request.hosts.iter().for_each(is_fit_to_show);
    }
    if whole != Outcome::NotMine {
        assert!(looks_like_request(said), "{whole:?}");
    }
    let partial = request_partial(said);
    let hosts = partial.iter().flat_map(|request| &request.hosts);
    hosts.for_each(is_fit_to_show);
    let _ = is_response(said);
}

/// A body in chunks; two bytes in front say where it is cut.
pub fn chunked(bytes: &[u8]) {
    let (prefix, said) = cut(bytes);
    let whole = ChunkedBody::default().skip(said);
    let mut body = ChunkedBody::default();
    let first = body.skip(prefix);
    stays(&first, &whole);
    if first == Outcome::NeedMore {
        let second = match body.skip(&said[prefix.len()..]) {
            Outcome::Found(len) => Outcome::Found(prefix.len() + len),
            other => other,
        };
        assert_eq!(second, whole);
    }
}

/// What a client says over HTTP/2: frames, or by a script header blocks, each in a frame of its own.
pub fn http2(bytes: &[u8]) {
    let mut script = Script(bytes);
    let step = usize::from(script.u8());
    let frames = match script.u8() & 1 {
        0 => script.0.to_vec(),
        _ => blocks(&mut script),
    };
    stays(
        &preface(&frames[..step.min(frames.len())]),
        &preface(&frames),
    );
    let frames = frames.strip_prefix(PREFACE).unwrap_or(&frames);
    let whole = requests(frames, frames.len());
    for request in &whole.0 {
        request.hosts.iter().for_each(is_fit_to_show);
    }
    let piecemeal = requests(frames, 1 + step);
    assert_eq!(whole, piecemeal);
}

/// Every request, and whether it is HTTP/2 to the end. The bytes come `step` at a time.
fn requests(frames: &[u8], step: usize) -> (Vec<Request>, bool) {
    let mut reader = Requests::default();
    let (mut found, mut at, mut there) = (Vec::new(), 0, 0);
    loop {
        match reader.read(&frames[at..there]) {
            Outcome::Found(step) => {
                assert!(step.len > 0 && at + step.len <= there, "{step:?}");
                at += step.len;
                found.extend(step.request);
            }
            Outcome::NeedMore if there == frames.len() => break,
            Outcome::NeedMore => there = frames.len().min(there + step.max(1)),
            Outcome::NotMine => return (found, false),
        }
        assert!(reader.held_bytes() <= MAX_HELD);
    }
    let _ = reader.skip_gap(at);
    let partial = reader.read_partial(&frames[at..]);
    partial
        .iter()
        .flat_map(|request| &request.hosts)
        .for_each(is_fit_to_show);
    (found, true)
}

fn blocks(script: &mut Script<'_>) -> Vec<u8> {
    let mut frames = Vec::new();
    while !script.is_over() {
        // HEADERS or CONTINUATION, with the flags as they are.
        let kind = if script.u8() & 7 == 0 { 9 } else { 1 };
        let flags = script.u8() ^ 4;
        let block = script.piece();
        frames.extend(&(block.len() as u32).to_be_bytes()[1..]);
        frames.extend([kind, flags, 0, 0, 0, 1]);
        frames.extend(block);
    }
    frames
}
