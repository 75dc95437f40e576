//! What each flow is taken apart by, gathered as flows end, given back in the order of their first packets.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::SplitBy;
use crate::flow::FlowSummary;
use crate::key::Endpoint;
use crate::report::comments::comment;
use crate::report::in_order::{FlowLinesError, InOrder};
use crate::report::sort::Sorted;
use crate::report::{Names, name_of, shown_name};

/// What is told of a flow to whoever takes the capture apart.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sorting<'a> {
    /// Its packets in the whole capture.
    #[serde(rename = "n")]
    pub(super) packets: u64,
    /// What it is sorted under; empty where its packets are sorted one by one.
    #[serde(borrow, rename = "w")]
    pub(super) what: Cow<'a, str>,
    /// What its file is called besides its number, where it has a file of its own.
    #[serde(borrow, rename = "f", skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<Cow<'a, str>>,
    /// What is said of it.
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<String>,
}

/// Takes flows as they end, keeps what they are sorted by.
///
/// Memory: as [`FlowLines`](crate::report::FlowLines).
#[derive(Debug)]
pub struct FlowParts {
    by: SplitBy,
    has_comments: bool,
    flows: InOrder,
}

impl FlowParts {
    /// No flows yet. Temporary files, should they be needed, go to `dir`, and have no names there.
    pub fn new(by: SplitBy, has_comments: bool, dir: impl Into<PathBuf>) -> Self {
        Self {
            by,
            has_comments,
            flows: InOrder::new(dir),
        }
    }

    /// Takes a flow in.
    ///
    /// # Errors
    /// [`FlowLinesError::Temporary`].
    pub fn push(&mut self, flow: &FlowSummary, names: &impl Names) -> Result<(), FlowLinesError> {
        let application = || shown_name(flow, names);
        let (what, file): (Cow<'_, str>, _) = match self.by {
            SplitBy::App => (application().into(), None),
            SplitBy::Verdict => ("".into(), None),
            SplitBy::Host => match name_of(flow) {
                Some(name) => (name.into(), None),
                None => (flow.dst().addr.to_string().into(), None),
            },
            SplitBy::Protocol => {
                let innermost = flow.protocols.innermost();
                let innermost = innermost.map_or(crate::report::UNKNOWN, |it| it.as_str());
                (innermost.into(), None)
            }
            SplitBy::Flow => {
                let (src, dst) = flow.shown_ends();
                let protocol = flow.key.protocol();
                let (from, to) = (shown_end(src), shown_end(dst));
                let file = format!(
                    "{protocol}_{}_{}_{}",
                    file_end(src),
                    file_end(dst),
                    application()
                );
                (format!("{from}-{to}/{protocol}").into(), Some(file.into()))
            }
        };
        let sorting = Sorting {
            packets: flow.packets,
            what,
            file,
            comment: self.has_comments.then(|| comment(flow, names)),
        };
        self.flows.push(flow.first_packet, |out| {
            serde_json::to_writer(out, &sorting).map_err(io::Error::from)
        })
    }

    /// All of them, the first first.
    pub(super) fn finish(self) -> Result<(SplitBy, Sorted), FlowLinesError> {
        Ok((self.by, self.flows.into_sorted()?))
    }
}

/// An end as people write it; what has no ports has none here.
fn shown_end(end: Endpoint) -> String {
    match end.port {
        0 => end.addr.to_string(),
        _ => end.to_string(),
    }
}

/// The same as it stands in a file's name.
fn file_end(end: Endpoint) -> String {
    match end.port {
        0 => end.addr.to_string(),
        port => format!("{}-{port}", end.addr),
    }
}
