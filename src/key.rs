//! Who speaks to whom: a packet's five-tuple, and the name of a flow that both of its directions agree on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::packet::IpProtocol;

/// Number of shards that flows are spread over, whatever the number of workers.
///
/// Fixed, because each shard has its own share of the flow table: were it to follow the
/// number of workers, so would evictions, and with them the output.
pub const SHARDS: usize = 64;

/// One end of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address in the innermost IP header.
    pub addr: IpAddr,
    /// The port, or 0 where the transport has none or it was not captured.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            IpAddr::V4(addr) => write!(f, "{addr}:{}", self.port),
            IpAddr::V6(addr) => write!(f, "[{addr}]:{}", self.port),
        }
    }
}

/// Protocol, addresses and ports as one packet says them: the sender first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FiveTuple {
    /// The sender.
    pub src: Endpoint,
    /// The receiver.
    pub dst: Endpoint,
    /// The transport's number.
    pub protocol: IpProtocol,
}

/// One of the two ends of a [`FlowKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that stands first in the key.
    Low,
    /// The other one.
    High,
}

impl Side {
    /// The opposite end.
    pub const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }

    /// 0 for `Low`, 1 for `High`: for arrays with one place a side.
    pub const fn index(self) -> usize {
        match self {
            Self::Low => 0,
            Self::High => 1,
        }
    }
}

/// Name of a flow that both of its directions agree on.
///
/// * Shape: two endpoints in ascending (address, port) order, IP version and protocol, packed into
///   three integers, because hashing and comparing those is three times as fast as byte arrays.
/// * Loses: who spoke; [`Side`] keeps that, for each packet.
/// * Packed, because integers of 128 bits would have every table leave 8 bytes unused in 48.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(C, packed(8))]
pub struct FlowKey {
    low: u128,
    high: u128,
    /// low port << 48 | high port << 32 | is IPv6 << 8 | protocol
    rest: u64,
}

const IS_V6: u64 = 1 << 8;

fn bits(addr: IpAddr) -> (u128, u64) {
    match addr {
        IpAddr::V4(addr) => (u128::from(addr.to_bits()), 0),
        IpAddr::V6(addr) => (addr.to_bits(), IS_V6),
    }
}

impl FlowKey {
    /// No flow's: no other has these bits beside protocol, version and ports.
    pub(crate) const NONE: Self = Self {
        low: 0,
        high: 0,
        rest: u64::MAX,
    };

    /// The key of the flow that a packet belongs to, and which end of it sent the packet.
    ///
    /// When both ends are the same (a host that talks to itself on one port), every packet comes from [`Side::Low`].
    #[inline]
    pub fn of(tuple: &FiveTuple) -> (Self, Side) {
        let (src, version) = bits(tuple.src.addr);
        let (dst, _) = bits(tuple.dst.addr);
        let ends = ((src, tuple.src.port), (dst, tuple.dst.port));
        Self::between(ends, version | u64::from(tuple.protocol.0))
    }

    /// As [`FlowKey::of`]: sender and receiver, the address and the port of each.
    #[inline]
    pub(crate) fn over_ipv4(
        (src, dst): ((u32, u16), (u32, u16)),
        protocol: IpProtocol,
    ) -> (Self, Side) {
        // One number in place of two is compared at once.
        let [src, dst] = [src, dst].map(|(addr, port)| u64::from(addr) << 16 | u64::from(port));
        let (low, high) = (src.min(dst), src.max(dst));
        let key = Self {
            low: u128::from(low >> 16),
            high: u128::from(high >> 16),
            rest: low << 48 | (high & 0xffff) << 32 | u64::from(protocol.0),
        };
        (key, if src == low { Side::Low } else { Side::High })
    }

    /// As [`FlowKey::of`]: sender and receiver, the address and the port of each.
    #[inline]
    pub(crate) fn over_ipv6(
        ends: ((u128, u16), (u128, u16)),
        protocol: IpProtocol,
    ) -> (Self, Side) {
        Self::between(ends, IS_V6 | u64::from(protocol.0))
    }

    /// * `rest`: the lower half of it.
    #[inline]
    fn between((src, dst): ((u128, u16), (u128, u16)), rest: u64) -> (Self, Side) {
        // Without a branch: which of the two comes first is as good as thrown with a coin.
        let is_turned = (src.0 > dst.0) | ((src.0 == dst.0) & (src.1 > dst.1));
        let turned = u128::from(is_turned).wrapping_neg();
        let addrs = (src.0 ^ dst.0) & turned;
        let ports = u64::from(src.1 ^ dst.1) & turned as u64;
        let low_port = u64::from(src.1) ^ ports;
        let high_port = u64::from(dst.1) ^ ports;
        let key = Self {
            low: src.0 ^ addrs,
            high: dst.0 ^ addrs,
            rest: low_port << 48 | high_port << 32 | rest,
        };
        (key, if is_turned { Side::High } else { Side::Low })
    }

    /// The endpoint on `side`.
    #[inline]
    pub fn endpoint(&self, side: Side) -> Endpoint {
        let (addr, shift) = match side {
            Side::Low => (self.low, 48),
            Side::High => (self.high, 32),
        };
        let addr = if self.rest & IS_V6 != 0 {
            IpAddr::V6(Ipv6Addr::from_bits(addr))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(addr as u32))
        };
        Endpoint {
            addr,
            port: (self.rest >> shift) as u16,
        }
    }

    /// The transport's number.
    pub const fn protocol(&self) -> IpProtocol {
        IpProtocol(self.rest as u8)
    }

    /// The five-tuple of a packet that `sender` sent.
    #[inline]
    pub fn five_tuple(&self, sender: Side) -> FiveTuple {
        FiveTuple {
            src: self.endpoint(sender),
            dst: self.endpoint(sender.other()),
            protocol: self.protocol(),
        }
    }

    /// Bits that tell this flow from others: a fixed function of the key, the same on every machine and in every run.
    ///
    /// Not the flow table's hash, which is seeded at random: a sender can choose flows with the same bits.
    #[inline]
    pub const fn spread(&self) -> u64 {
        let mut mixed = self.rest;
        let words = [
            self.low as u64,
            (self.low >> 64) as u64,
            self.high as u64,
            (self.high >> 64) as u64,
        ];
        let mut i = 0;
        while i < words.len() {
            // splitmix64's finalizer, once a word: cheap, and every bit reaches the top ones.
            mixed = (mixed ^ words[i]).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed ^= mixed >> 29;
            i += 1;
        }
        mixed.wrapping_mul(0x94d0_49bb_1331_11eb)
    }

    /// The shard that this flow belongs to, by the topmost bits of [`spread`](Self::spread): a sender who aims at one shard fills that
    /// shard's share of the table, no more.
    pub const fn shard(&self) -> usize {
        shard_of(self.spread())
    }
}

/// The shard of a flow with these bits of [`FlowKey::spread`].
pub const fn shard_of(spread: u64) -> usize {
    (spread >> (64 - SHARDS.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(src: &str, src_port: u16, dst: &str, dst_port: u16) -> FiveTuple {
        FiveTuple {
            src: Endpoint {
                addr: src.parse().unwrap(),
                port: src_port,
            },
            dst: Endpoint {
                addr: dst.parse().unwrap(),
                port: dst_port,
            },
            protocol: IpProtocol::TCP,
        }
    }

    fn reversed(tuple: &FiveTuple) -> FiveTuple {
        FiveTuple {
            src: tuple.dst,
            dst: tuple.src,
            protocol: tuple.protocol,
        }
    }

    #[test]
    fn both_directions_have_one_key_and_one_shard() {
        for there in [
            tuple("192.168.1.2", 50000, "8.8.8.8", 443),
            tuple("2001:db8::1", 1, "fe80::2", 2),
            tuple("10.0.0.1", 9, "10.0.0.1", 7),
        ] {
            let (key, sender) = FlowKey::of(&there);
            let (back, replier) = FlowKey::of(&reversed(&there));
            assert_eq!(key, back);
            assert_eq!(key.shard(), back.shard());
            assert_eq!(sender.other(), replier);
            assert_eq!(key.five_tuple(sender), there);
            assert_eq!(key.five_tuple(replier), reversed(&there));
        }
    }

    #[test]
    fn a_v4_address_is_not_its_mapped_v6_twin() {
        let v4 = FlowKey::of(&tuple("1.2.3.4", 1, "1.2.3.5", 2)).0;
        let v6 = FlowKey::of(&tuple("::1.2.3.4", 1, "::1.2.3.5", 2)).0;
        assert_ne!(v4, v6);
    }

    #[test]
    fn no_flow_has_the_key_of_none() {
        for addr in ["0.0.0.0", "::"] {
            let most = FiveTuple {
                protocol: IpProtocol(u8::MAX),
                ..tuple(addr, u16::MAX, addr, u16::MAX)
            };
            assert_ne!(FlowKey::of(&most).0, FlowKey::NONE);
        }
    }

    #[test]
    fn flows_spread_evenly_over_the_shards() {
        let mut seen = [0u32; SHARDS];
        for client in 0..100u32 {
            for port in 0..640u16 {
                let src = Ipv4Addr::from_bits(0x0a00_0000 + client).to_string();
                seen[FlowKey::of(&tuple(&src, 32768 + port, "93.184.216.34", 443))
                    .0
                    .shard()] += 1;
            }
        }
        // 1,000 expected in each; 5 standard deviations are 158.
        assert!(seen.iter().all(|&n| (840..1160).contains(&n)), "{seen:?}");
    }

    #[test]
    fn the_shard_of_a_flow_never_changes() {
        assert_eq!(
            FlowKey::of(&tuple("192.168.1.2", 50000, "8.8.8.8", 443))
                .0
                .shard(),
            FIXED_SHARD
        );
    }

    const FIXED_SHARD: usize = 46;
}
