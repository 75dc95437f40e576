//! The report as JSON.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::IpAddr;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::hosts::{Finding, Findings, Peer, Reason};

use super::Report;
use super::inert;

/// Writes `report` as indented JSON, with a newline at the end; characters that a terminal would obey are escaped in it.
///
/// # Errors
/// Those of `out`.
pub fn json(report: &Report<'_>, mut out: impl Write) -> io::Result<()> {
    inert::to_writer_pretty(&mut out, report)?;
    out.write_all(b"\n")
}

pub(super) fn shown<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

pub(super) fn shown_option<S: Serializer>(
    value: &Option<impl Display>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.collect_str(value),
        None => to.serialize_none(),
    }
}

pub(super) fn shown_list<S: Serializer>(values: &[impl Display], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(values.iter().map(Shown))
}

/// Findings are put together one at a time, so that a long list of them never stands in memory.
pub(super) fn findings<S: Serializer>(findings: &Findings, to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(findings.iter().map(FindingLine))
}

/// A value that stands in JSON as it is shown.
#[derive(Debug)]
pub(super) struct Shown<T>(pub(super) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

struct FindingLine<'a>(Finding<'a>);

impl Serialize for FindingLine<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        struct PeerLine<'a> {
            ip: IpAddr,
            name: Option<&'a str>,
        }
        let finding = &self.0;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("ip", &finding.ip)?;
        map.serialize_entry("severity", finding.severity.as_str())?;
        let reasons: Vec<_> = finding.reasons.iter().map(ReasonLine).collect();
        map.serialize_entry("reasons", &reasons)?;
        map.serialize_entry("domains", &finding.domains)?;
        let peers = finding.peers.iter();
        let peers: Vec<_> = peers
            .map(|&Peer { ip, name }| PeerLine { ip, name })
            .collect();
        map.serialize_entry("peers", &peers)?;
        map.end()
    }
}

struct ReasonLine<'a>(&'a Reason);

impl Serialize for ReasonLine<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("kind", self.0.kind())?;
        map.serialize_entry("text", &Shown(self.0))?;
        match self.0 {
            Reason::PortScan {
                ports,
                at_least,
                threshold,
            } => {
                map.serialize_entry("ports", ports)?;
                map.serialize_entry("at_least", at_least)?;
                map.serialize_entry("threshold", threshold)?;
            }
            Reason::HighVolume { flows, threshold } => {
                map.serialize_entry("flows", flows)?;
                map.serialize_entry("threshold", threshold)?;
            }
            Reason::UnusualPort { ports } => {
                map.serialize_entry("ports", &ports.len())?;
                map.serialize_entry("port_numbers", ports)?;
            }
            Reason::Associated {
                source, sources, ..
            } => {
                map.serialize_entry("source", source)?;
                map.serialize_entry("sources", sources)?;
            }
            Reason::ReservedRange { range, flows } => {
                map.serialize_entry("purpose", range.purpose)?;
                map.serialize_entry("prefix", &Shown(range.prefix))?;
                map.serialize_entry("flows", flows)?;
            }
        }
        map.end()
    }
}
