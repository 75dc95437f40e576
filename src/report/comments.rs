//! What is said of a flow in a comment on its first packet.

use std::io::{self, Write};
use std::path::PathBuf;

use super::in_order::{FlowLinesError, InOrder};
use super::sort::Sorted;
use super::text::printable;
use super::{Names, UNKNOWN, name_of};
use crate::flow::FlowSummary;
use crate::protocol::Protocol;

/// Stands before the comment of a flow of which some packets are forwarded and some dropped.
const DIVIDED: u8 = b'/';
/// Stands before that of any other.
const WHOLE: u8 = b'=';

/// Takes flows as they end, keeps what is to be said of them.
///
/// Memory: as [`FlowLines`](super::FlowLines).
#[derive(Debug)]
pub struct FlowComments(InOrder);

impl FlowComments {
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

    /// All of them, to be asked for.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub fn finish(self) -> Result<SortedComments, FlowLinesError> {
        Ok(SortedComments(self.0.into_sorted()?))
    }
}

/// Comments in the order of the flows' first packets.
#[derive(Debug)]
pub struct SortedComments(Sorted);

impl SortedComments {
    /// What is to be said of the flow that began with packet `flow`, and whether some of its packets are forwarded and some dropped.
    ///
    /// * To be asked in ascending order; what is passed over does not come back.
    ///
    /// # Errors
    /// A temporary file could not be read.
    pub fn of(&mut self, flow: u64) -> io::Result<Option<(String, bool)>> {
        while let Some((first_packet, text)) = self.0.next()? {
            if first_packet == flow {
                let (mark, text) = text.split_first().unwrap_or((&WHOLE, &[]));
                let text = String::from_utf8_lossy(text).into_owned();
                return Ok(Some((text, *mark == DIVIDED)));
            }
        }
        Ok(None)
    }
}

fn write(flow: &FlowSummary, names: &impl Names, out: &mut Vec<u8>) -> io::Result<()> {
    let dropped = flow.dropped_in_all();
    out.push(match dropped > 0 && dropped < flow.packets {
        true => DIVIDED,
        false => WHOLE,
    });
    let application = flow.application.and_then(|id| names.application(id));
    let innermost = flow.protocols.innermost().map(Protocol::as_str);
    let application = application.map(|(name, _)| name).or(innermost);
    write!(out, "application: {}", application.unwrap_or(UNKNOWN))?;
    if let Some(name) = name_of(flow) {
        write!(out, "; name: {}", printable(name))?;
    }
    write!(out, "; verdict: {}", flow.verdict())?;
    match flow.decided_by().and_then(|id| names.rule(id)) {
        Some((rule, origin)) => write!(out, "; rule: {rule} ({})", printable(origin)),
        None => Ok(()),
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
    fn each_flow_gets_what_is_known_of_it_by_the_number_of_its_first_packet() {
        let ends = ("10.0.0.1:5", "10.0.0.2:443");
        let mut comments = FlowComments::new("/nonexistent");
        let mut flow = sample_flow(9, IpProtocol::TCP, ends, &["github.com"]);
        flow.application = Some(GITHUB);
        flow.rule = Some(RuleId(0));
        flow.dropped_packets = 4;
        comments.push(&flow, &Book).unwrap();
        flow.first_packet = 4;
        flow.dropped_packets = 10;
        comments.push(&flow, &Book).unwrap();
        let plain = sample_flow(3, IpProtocol::TCP, ends, &[]);
        comments.push(&plain, &Book).unwrap();
        let mut comments = comments.finish().unwrap();
        let github =
            "application: GitHub; name: github.com; verdict: drop; rule: app:GitHub (--block-app)";
        for (flow, said) in [
            (
                3,
                Some(("application: Unknown; verdict: forward".to_owned(), false)),
            ),
            (4, Some((github.to_owned(), false))),
            (9, Some((github.to_owned(), true))),
            (10, None),
        ] {
            assert_eq!(comments.of(flow).unwrap(), said);
        }
    }
}
