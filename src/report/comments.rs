//! What is said of a flow in a comment on its first packet.

use std::io;
use std::path::PathBuf;

use super::in_order::{FlowLinesError, InOrder};
use super::sort::Sorted;
use super::text::printable;
use super::{Names, name_of, shown_name};
use crate::flow::FlowSummary;

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
    out.extend_from_slice(comment(flow, names).as_bytes());
    Ok(())
}

/// What is said of a flow.
pub(super) fn comment(flow: &FlowSummary, names: &impl Names) -> String {
    let mut said = format!("application: {}", shown_name(flow, names));
    if let Some(name) = name_of(flow) {
        said += &format!("; name: {}", printable(name));
    }
    said += &format!("; verdict: {}", flow.verdict());
    if let Some((rule, origin)) = flow.decided_by().and_then(|id| names.rule(id)) {
        said += &format!("; rule: {rule} ({})", printable(origin));
    }
    said
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
