//! How flows leave a shard's table, and what is kept of them there.

use lru::LruCache;

use super::entry::Entry;
use super::places::{has_places, owner_of_place};
use super::ruling::Ruling;
use super::{Ended, HEAVY_LOAD, Policy, TCP_IDLE_TIMEOUT_NS, UDP_IDLE_TIMEOUT_NS};
use crate::flow::{FlowEnd, FlowSummary, FlowTable, KeyHash, tcp};
use crate::key::FlowKey;
use crate::observation::Observation;
use crate::packet::{IpProtocol, Timestamp};

/// What is remembered of a flow with a verdict that is no longer in the table.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Remembered {
    pub(super) flow: u64,
    pub(super) ruling: Ruling,
    /// Whether it was seen outside of tunnels.
    pub(super) is_bare: bool,
    pub(super) last: Timestamp,
    /// Whether a SYN on its five-tuple is another connection's.
    is_over: bool,
}

/// What is known of flows beside the table.
pub(super) struct Beside {
    /// Found by the same hashes as the flows.
    pub(super) remembered: FlowTable<Remembered>,
    /// Bytes that all flows hold.
    pub(super) load: usize,
    /// Flows that hold more than [`HEAVY_LOAD`], in order of when they last changed.
    pub(super) heavy: LruCache<FlowKey, (), ahash::RandomState>,
}

impl Beside {
    /// Takes note that a flow ends at packet `at`, and adds what is told of it to `ended`.
    pub(super) fn close(
        &mut self,
        (key, entry): (&FlowKey, &mut Entry),
        (end, at): (FlowEnd, u64),
        policy: &Policy,
        ended: &mut Vec<Ended>,
    ) {
        self.load = self.load.saturating_sub(entry.load());
        if entry.load() > HEAVY_LOAD {
            self.heavy.pop(key);
        }
        let may_go_on = matches!(end, FlowEnd::Evicted | FlowEnd::Expired);
        let is_remembered = entry.ruling != Ruling::None && may_go_on;
        let has_displaced = is_remembered && self.remember(key, entry);
        let mut flow = summary(key, entry, end, policy);
        if has_displaced {
            flow.findings_mut().caveats().forgotten = 1;
        }
        ended.push(Ended { at, flow });
    }

    /// Keeps what rules say of a flow. Whether another had to be forgotten for that.
    fn remember(&mut self, key: &FlowKey, entry: &Entry) -> bool {
        let is_full = self.remembered.is_full();
        if is_full {
            self.remembered.pop_oldest();
        }
        let hash = self.remembered.hash(key);
        *self.remembered.insert(*key, hash) = Remembered {
            flow: entry.first_packet,
            ruling: entry.ruling,
            is_bare: entry.is_bare,
            last: entry.last,
            is_over: entry.life.is_some_and(|life| life.is_over()),
        };
        is_full
    }

    /// What rules said of this flow before it left the table, unless `seen` cannot belong to that flow any more.
    ///
    /// A TCP connection that was not over is the same one without a new SYN, however long it was silent, and with
    /// one too (a retransmission) unless it was silent for its idle timeout.
    pub(super) fn recall(&mut self, seen: &Observation<'_>, hash: KeyHash) -> Option<Remembered> {
        if self.remembered.is_empty() {
            return None;
        }
        let remembered = self.remembered.remove(&seen.key, hash)?;
        let is_idle = is_idle(&seen.key, remembered.last, seen.timestamp);
        let is_new = match seen.tcp {
            Some(tcp) => tcp::is_opening(tcp.flags) && (remembered.is_over || is_idle),
            None => is_idle,
        };
        let is_another = is_allowed_elsewhere(remembered.ruling, remembered.is_bare, seen);
        (!is_new && !is_another).then_some(remembered)
    }
}

/// What is told of a flow that is over. Leaves nothing of what was found in it.
pub(super) fn summary(
    key: &FlowKey,
    entry: &mut Entry,
    end: FlowEnd,
    policy: &Policy,
) -> FlowSummary {
    if !entry.is_placed && has_places(&policy.catalogue) {
        let at = entry.first_packet;
        if let Some((app, ground)) = owner_of_place(entry, key, &policy.catalogue, at) {
            entry.is_of(app, ground);
        }
    }
    entry.summary(*key, end, policy.removal)
}

/// Why `entry` is over before `seen`, if it is: then `seen` begins a new flow.
pub(super) fn ending(entry: &Entry, seen: &Observation<'_>) -> Option<FlowEnd> {
    if is_idle(&seen.key, entry.last, seen.timestamp) {
        return Some(FlowEnd::Expired);
    }
    let reopens = seen.is_inside == entry.began_inside
        && seen.tcp.is_some_and(|tcp| tcp::is_opening(tcp.flags))
        && entry.life.is_some_and(|life| life.is_over());
    let is_another = is_allowed_elsewhere(entry.ruling, entry.is_bare, seen);
    (reopens || is_another).then_some(FlowEnd::Replaced)
}

/// Whether what allowed a flow was said in tunnels alone, and `seen` is outside: then it begins another flow, which has no leave yet.
fn is_allowed_elsewhere(ruling: Ruling, is_bare: bool, seen: &Observation<'_>) -> bool {
    ruling.allow().is_some() && !is_bare && !seen.is_inside
}

pub(super) fn is_idle(key: &FlowKey, last: Timestamp, now: Timestamp) -> bool {
    let timeout_ns = if key.protocol() == IpProtocol::TCP {
        TCP_IDLE_TIMEOUT_NS
    } else {
        UDP_IDLE_TIMEOUT_NS
    };
    now.ns_since(last) > timeout_ns
}
