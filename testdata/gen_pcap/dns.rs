//! DNS messages. Source: RFC 1035 §4.1; RFC 9460 §2.2 for HTTPS.

use std::net::IpAddr;

/// Question types.
pub(crate) const A: u16 = 1;
pub(crate) const CNAME: u16 = 5;
pub(crate) const PTR: u16 = 12;
pub(crate) const AAAA: u16 = 28;
pub(crate) const HTTPS: u16 = 65;

/// `name`, dots between its labels, as length-prefixed labels.
pub(crate) fn labels(name: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = name
        .split(|&byte| byte == b'.')
        .flat_map(|label| [&[label.len() as u8], label].concat())
        .collect();
    out.push(0);
    out
}

fn message(id: u16, flags: u16, question: &[u8], answers: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in [id, flags, 1, answers.len() as u16, 0, 0] {
        out.extend(field.to_be_bytes());
    }
    out.extend(question);
    out.extend(answers.concat());
    out
}

fn question(name: &[u8], kind: u16) -> Vec<u8> {
    [&labels(name)[..], &kind.to_be_bytes(), &[0, 1]].concat()
}

/// A query for one name.
pub(crate) fn query(id: u16, name: &[u8], kind: u16) -> Vec<u8> {
    message(id, 0x0100, &question(name, kind), &[])
}

/// A multicast query: no identifier, no recursion.
pub(crate) fn multicast_query(name: &[u8], kind: u16) -> Vec<u8> {
    message(0, 0, &question(name, kind), &[])
}

/// The answer to [`query`]: the addresses for A and AAAA, the protocols for HTTPS.
pub(crate) fn answer(id: u16, name: &[u8], kind: u16, addrs: &[IpAddr]) -> Vec<u8> {
    let rdata: Vec<Vec<u8>> = match kind {
        HTTPS => vec![b"\x00\x01\x00\x00\x01\x00\x06\x02h3\x02h2".to_vec()],
        _ => addrs
            .iter()
            .filter(|addr| addr.is_ipv4() == (kind == A))
            .map(|addr| match addr {
                IpAddr::V4(addr) => addr.octets().to_vec(),
                IpAddr::V6(addr) => addr.octets().to_vec(),
            })
            .collect(),
    };
    let records: Vec<Vec<u8>> = rdata
        .iter()
        .map(|rdata| {
            let len = (rdata.len() as u16).to_be_bytes();
            let head = [
                &b"\xc0\x0c"[..],
                &kind.to_be_bytes(),
                b"\x00\x01\x00\x00\x00\x3c",
            ]
            .concat();
            [&head[..], &len, rdata].concat()
        })
        .collect();
    message(id, 0x8180, &question(name, kind), &records)
}

/// What stands in an answer.
pub(crate) struct Record<'a> {
    pub(crate) owner: &'a [u8],
    pub(crate) kind: u16,
    pub(crate) ttl: u32,
    pub(crate) data: Vec<u8>,
}

/// The answer to [`query`] with these records.
pub(crate) fn answer_of(id: u16, name: &[u8], kind: u16, records: &[Record<'_>]) -> Vec<u8> {
    let records: Vec<Vec<u8>> = records
        .iter()
        .map(|record| {
            let mut out = labels(record.owner);
            out.extend(record.kind.to_be_bytes());
            out.extend([0, 1]);
            out.extend(record.ttl.to_be_bytes());
            out.extend((record.data.len() as u16).to_be_bytes());
            out.extend(&record.data);
            out
        })
        .collect();
    message(id, 0x8180, &question(name, kind), &records)
}

/// A message as TCP carries it, behind its length (RFC 1035 §4.2.2).
pub(crate) fn over_tcp(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}
