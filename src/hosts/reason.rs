//! Why an address is told of, and how bad that is.

use std::fmt;
use std::net::IpAddr;

use super::reserved::ReservedRange;

/// How many of a reason's ports stand in its text; all of them stand in its figures.
const PORTS_IN_TEXT: usize = 5;

/// How bad it is at the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Odd.
    Low,
    /// Worth a look.
    Medium,
    /// Worth a look first.
    High,
}

impl Severity {
    /// The word for it in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// One step less; [`Self::Info`] stays.
    pub(super) const fn step_down(self) -> Self {
        match self {
            Self::High => Self::Medium,
            Self::Medium => Self::Low,
            Self::Low | Self::Info => Self::Info,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an address is told of, with the figures. [`fmt::Display`] puts it in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It contacted many ports.
    PortScan {
        /// Distinct ports of responders, over TCP, UDP and SCTP.
        ports: u16,
        /// Whether there were more, which could not be counted.
        at_least: bool,
        /// More than this many are a scan.
        threshold: u16,
    },
    /// It has many flows.
    HighVolume {
        /// Flows from or to it.
        flows: u64,
        /// More than this many are high volume.
        threshold: u64,
    },
    /// It contacted ports below 1024 that no common service uses.
    UnusualPort {
        /// Those ports, in ascending order.
        ports: Vec<u16>,
    },
    /// It was contacted by an address that is flagged.
    Associated {
        /// The worst of those that are; of several, the lowest address.
        source: IpAddr,
        /// How many there are.
        sources: u32,
        /// One step below the source's.
        severity: Severity,
    },
    /// It is private, or nobody's, and was the responder of a flow.
    ReservedRange {
        /// The block that it is in.
        range: &'static ReservedRange,
        /// Flows to it.
        flows: u64,
    },
}

impl Reason {
    /// The word for it in reports.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PortScan { .. } => "port_scan",
            Self::HighVolume { .. } => "high_volume",
            Self::UnusualPort { .. } => "unusual_port",
            Self::Associated { .. } => "associated",
            Self::ReservedRange { .. } => "reserved_range",
        }
    }

    /// How bad it is.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::PortScan { .. } => Severity::High,
            Self::HighVolume { .. } => Severity::Medium,
            Self::UnusualPort { .. } => Severity::Low,
            Self::Associated { severity, .. } => *severity,
            Self::ReservedRange { .. } => Severity::Info,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortScan {
                ports, at_least, ..
            } => {
                let bound = if *at_least { "at least " } else { "" };
                let s = plural(u64::from(*ports));
                write!(f, "{bound}{ports} unique port{s} contacted")
            }
            Self::HighVolume { flows, .. } => write!(f, "{flows} flow{}", plural(*flows)),
            Self::UnusualPort { ports } => {
                let s = plural(ports.len() as u64);
                write!(f, "{} unusual port{s} contacted:", ports.len())?;
                for (i, port) in ports.iter().take(PORTS_IN_TEXT).enumerate() {
                    write!(f, "{} {port}", if i > 0 { "," } else { "" })?;
                }
                f.write_str(if ports.len() > PORTS_IN_TEXT {
                    ", …"
                } else {
                    ""
                })
            }
            Self::Associated {
                source, sources, ..
            } => match sources.saturating_sub(1) {
                0 => write!(f, "contacted by {source}"),
                more => write!(f, "contacted by {source} and {more} more"),
            },
            Self::ReservedRange { range, .. } => {
                write!(f, "{}, {} ({})", range.purpose, range.prefix, range.source)
            }
        }
    }
}

const fn plural(n: u64) -> &'static str {
    if n == 1 { "" } else { "s" }
}
