//! Flows as CSV, a row each: RFC 4180, but with single line ends.
//!
//! Spreadsheets take a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a formula, and names come from the capture:
//! such a cell gets an apostrophe before it, as OWASP advises. Quotes, commas and line ends are quoted by the csv crate.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::PathBuf;

use csv::{QuoteStyle, Terminator, WriterBuilder};

use crate::evidence::TlsVersion;
use crate::flow::FlowSummary;
use crate::protocol::Protocol;
use crate::report::Names;
use crate::report::in_order::{FlowLinesError, InOrder};
use crate::report::text::printable;

const HEADER: &[u8] =
    b"id,first,last,protocol,src,src_port,dst,dst_port,community_id,packets,bytes,dropped,state,\
    protocols,application,category,names,tls_version,ja3,ja4,verdict,rule\n";

/// Takes flows as they end, writes them as CSV in order of first packet.
///
/// Memory: as [`FlowLines`](crate::report::FlowLines).
#[derive(Debug)]
pub struct CsvFlows(InOrder);

impl CsvFlows {
    /// No flows yet. Temporary files, should they be needed, go to `dir`, and have no names there.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self(InOrder::new(dir))
    }

    /// Takes a flow in.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub fn push(&mut self, flow: &FlowSummary, names: &impl Names) -> Result<(), FlowLinesError> {
        self.0
            .push(flow.first_packet, |out| write(flow, names, out))
    }

    /// Writes a header and every flow, numbered from 1 in order of first packet.
    ///
    /// # Errors
    /// [`FlowLinesError`]: a closed pipe shows as [`FlowLinesError::Output`].
    pub fn finish(self, mut out: impl Write) -> Result<(), FlowLinesError> {
        out.write_all(HEADER).map_err(FlowLinesError::Output)?;
        let mut id = 0;
        self.0.finish(|_, row| {
            id += 1;
            write!(out, "{id},")?;
            out.write_all(row)
        })?;
        out.flush().map_err(FlowLinesError::Output)
    }
}

/// A flow's row, less its number.
fn write(flow: &FlowSummary, names: &impl Names, out: &mut Vec<u8>) -> io::Result<()> {
    let mut row = WriterBuilder::new()
        .quote_style(QuoteStyle::Necessary)
        .terminator(Terminator::Any(b'\n'))
        .from_writer(out);
    let (src, dst) = flow.shown_ends();
    let findings = flow.findings();
    let application = flow.application.and_then(|id| names.application(id));
    let (application, category) = application.unwrap_or_default();
    let protocols: Vec<_> = flow.protocols.iter().map(Protocol::as_str).collect();
    // A name may stand in several places of a flow.
    let mut told = HashSet::new();
    let names_of = findings.names.iter().map(|found| found.name.as_str());
    let listed: Vec<_> = names_of.filter(|name| told.insert(*name)).collect();
    let version = findings.tls_version();
    let prints = findings.fingerprints.as_deref();
    let rule = flow.decided_by().and_then(|id| names.rule(id));
    let cells = [
        flow.first.to_string(),
        flow.last.to_string(),
        flow.key.protocol().to_string(),
        src.addr.to_string(),
        src.port.to_string(),
        dst.addr.to_string(),
        dst.port.to_string(),
        flow.community_id(),
        flow.packets.to_string(),
        flow.bytes.to_string(),
        flow.dropped_in_all().to_string(),
        flow.state.as_str().to_owned(),
        protocols.join(" "),
        application.to_owned(),
        category.to_owned(),
        listed.join(" "),
        version
            .as_ref()
            .map_or_else(String::new, TlsVersion::to_string),
        prints.map_or_else(String::new, |prints| prints.ja3.to_string()),
        prints.map_or_else(String::new, |prints| prints.ja4.to_string()),
        flow.verdict().to_owned(),
        rule.map_or_else(String::new, |(rule, _)| rule.to_owned()),
    ];
    row.write_record(cells.iter().map(|cell| harmless(cell).into_owned()))?;
    row.flush()
}

/// A cell that no spreadsheet computes, and that moves no cursor.
fn harmless(cell: &str) -> Cow<'_, str> {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let shown = printable(cell);
    match is_formula {
        true => Cow::Owned(format!("'{shown}")),
        false if shown == cell => Cow::Borrowed(cell),
        false => Cow::Owned(shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::IpProtocol;
    use crate::report::tests::{Book, GITHUB};
    use crate::rules::RuleId;
    use crate::stats::flows::tests::sample_flow;

    #[test]
    fn rows_stand_in_order_below_a_header_that_names_each_cell() {
        let ends = ("[2001:db8::1]:5", "[2001:db8::2]:443");
        let mut csv = CsvFlows::new("/nonexistent");
        let mut flow = sample_flow(9, IpProtocol::TCP, ends, &["github.com", "a,b.example"]);
        let again = flow.findings().names[0].clone();
        flow.findings_mut().names.push(again);
        (flow.application, flow.rule, flow.dropped_packets) = (Some(GITHUB), Some(RuleId(0)), 4);
        flow.protocols.push(Protocol::Tls);
        csv.push(&flow, &Book).unwrap();
        csv.push(
            &sample_flow(3, IpProtocol::UDP, ("10.0.0.1:1", "10.0.0.2:2"), &[]),
            &Book,
        )
        .unwrap();
        let mut out = Vec::new();
        csv.finish(&mut out).unwrap();
        let mut read = csv::Reader::from_reader(out.as_slice());
        let header = read.headers().unwrap().clone();
        let rows: Vec<_> = read.records().map(Result::unwrap).collect();
        assert!(rows.iter().all(|row| row.len() == header.len()), "{rows:?}");
        let cell = |row: usize, name| rows[row].get(header.iter().position(|h| h == name).unwrap());
        for (name, first, second) in [
            ("id", "1", "2"),
            ("protocol", "udp", "tcp"),
            ("src", "10.0.0.1", "2001:db8::1"),
            ("dst_port", "2", "443"),
            ("application", "", "GitHub"),
            ("category", "", "Developer"),
            ("names", "", "github.com a,b.example"),
            ("protocols", "", "TLS"),
            ("verdict", "forward", "drop"),
            ("rule", "", "app:GitHub"),
            ("dropped", "0", "4"),
        ] {
            assert_eq!(
                (cell(0, name), cell(1, name)),
                (Some(first), Some(second)),
                "{name}"
            );
        }
    }

    #[test]
    fn no_cell_is_a_formula_or_moves_the_cursor() {
        for (cell, expected) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("@sum(a1)", "'@sum(a1)"),
            ("-1", "'-1"),
            ("+1", "'+1"),
            ("\ta", "'\u{fffd}a"),
            ("a\r\nb", "a\u{fffd}\u{fffd}b"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell), expected);
        }
    }
}
