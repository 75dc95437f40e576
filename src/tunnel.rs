//! The tunnels that a packet came through.
//!
//! Knows nothing of how they are read.

/// Most tunnels that are told of one packet or flow; the outermost stay.
pub const MAX_TUNNELS: usize = 8;

/// What carries packets of one network through another.
///
/// Tags on a link (IEEE 802.1Q, 802.1BR, MACsec and their kin) are none, nor is a header that only protects (AH).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tunnel {
    /// RFC 7348.
    Vxlan,
    /// Generic protocol extension for VXLAN, draft-ietf-nvo3-vxlan-gpe.
    VxlanGpe,
    /// RFC 8926.
    Geneve,
    /// RFC 2784, over IP or UDP (RFC 8086); what Cisco's WCCP redirects in it, too.
    Gre,
    /// Mirrored frames in GRE, draft-foschiano-erspan.
    Erspan,
    /// The GRE of version 1 of RFC 2637.
    Pptp,
    /// Ethernet over IP of MikroTik.
    Eoip,
    /// GTP-U, 3GPP TS 29.281; and the packets of its version 0, 3GPP TS 09.60.
    Gtp,
    /// RFC 5415.
    Capwap,
    /// Frames that a sniffer streams: TaZmen sniffer protocol.
    Tzsp,
    /// RFC 4380.
    Teredo,
    /// RFC 2661, RFC 3931.
    L2tp,
    /// IPv4 in IPv4, RFC 2003.
    IpIp,
    /// IPv6 in IPv4, RFC 4213.
    SixInFour,
    /// IPv4 in IPv6, RFC 2473.
    FourInSix,
    /// IPv6 in IPv6, RFC 2473.
    SixInSix,
    /// Ethernet right over IP: RFC 3378, and protocol 143 of RFC 8986.
    EtherIp,
    /// RFC 3032; over IP (RFC 4023) and UDP (RFC 7510) too.
    Mpls,
    /// RFC 2516.
    Pppoe,
    /// Network service header, RFC 8300.
    Nsh,
    /// Provider backbone bridges ("MAC in MAC"), IEEE 802.1Q §6.10 (once 802.1ah).
    Pbb,
    /// Cisco FabricPath.
    FabricPath,
    /// Transparent interconnection of lots of links, RFC 6325.
    Trill,
    /// The mesh of batman-adv.
    Batman,
    /// RFC 9300.
    Lisp,
    /// Anything in Anything, draft-massar-v6ops-ayiya.
    Ayiya,
    /// Multicast on its way to the rendezvous point: PIM Register, RFC 7761.
    Pim,
}

impl Tunnel {
    /// The word for it in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::VxlanGpe => "vxlan_gpe",
            Self::Geneve => "geneve",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::Pptp => "pptp",
            Self::Eoip => "eoip",
            Self::Gtp => "gtp",
            Self::Capwap => "capwap",
            Self::Tzsp => "tzsp",
            Self::Teredo => "teredo",
            Self::L2tp => "l2tp",
            Self::IpIp => "ipip",
            Self::SixInFour => "6in4",
            Self::FourInSix => "4in6",
            Self::SixInSix => "6in6",
            Self::EtherIp => "etherip",
            Self::Mpls => "mpls",
            Self::Pppoe => "pppoe",
            Self::Nsh => "nsh",
            Self::Pbb => "pbb",
            Self::FabricPath => "fabricpath",
            Self::Trill => "trill",
            Self::Batman => "batman",
            Self::Lisp => "lisp",
            Self::Ayiya => "ayiya",
            Self::Pim => "pim",
        }
    }
}

/// The tunnels around something, each told once, the outermost first.
///
/// Past [`MAX_TUNNELS`] different ones the innermost are not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tunnels([Option<Tunnel>; MAX_TUNNELS]);

impl Tunnels {
    /// Adds a tunnel inside these, unless it is among them.
    pub fn push(&mut self, tunnel: Tunnel) {
        for place in &mut self.0 {
            match place {
                None => *place = Some(tunnel),
                Some(told) if *told == tunnel => {}
                Some(_) => continue,
            }
            return;
        }
    }

    /// Adds those of `other` inside these.
    pub fn add(&mut self, other: Self) {
        if !other.is_empty() && *self != other {
            other.iter().for_each(|tunnel| self.push(tunnel));
        }
    }

    /// The tunnels, the outermost first.
    pub fn iter(&self) -> impl Iterator<Item = Tunnel> + '_ {
        self.0.iter().map_while(|tunnel| *tunnel)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }
}

impl FromIterator<Tunnel> for Tunnels {
    fn from_iter<I: IntoIterator<Item = Tunnel>>(tunnels: I) -> Self {
        let mut all = Self::default();
        tunnels.into_iter().for_each(|tunnel| all.push(tunnel));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Tunnel; 27] = [
        Tunnel::Vxlan,
        Tunnel::VxlanGpe,
        Tunnel::Geneve,
        Tunnel::Gre,
        Tunnel::Erspan,
        Tunnel::Pptp,
        Tunnel::Eoip,
        Tunnel::Gtp,
        Tunnel::Capwap,
        Tunnel::Tzsp,
        Tunnel::Teredo,
        Tunnel::L2tp,
        Tunnel::IpIp,
        Tunnel::SixInFour,
        Tunnel::FourInSix,
        Tunnel::SixInSix,
        Tunnel::EtherIp,
        Tunnel::Mpls,
        Tunnel::Pppoe,
        Tunnel::Nsh,
        Tunnel::Pbb,
        Tunnel::FabricPath,
        Tunnel::Trill,
        Tunnel::Batman,
        Tunnel::Lisp,
        Tunnel::Ayiya,
        Tunnel::Pim,
    ];

    fn words(tunnels: Tunnels) -> Vec<&'static str> {
        tunnels.iter().map(Tunnel::as_str).collect()
    }

    #[test]
    fn tunnels_are_told_once_in_the_order_in_which_they_came() {
        let tunnels = [Tunnel::Gre, Tunnel::Mpls, Tunnel::Gre, Tunnel::Vxlan];
        let tunnels: Tunnels = tunnels.into_iter().collect();
        assert_eq!(words(tunnels), ["gre", "mpls", "vxlan"]);
        assert!(!tunnels.is_empty() && Tunnels::default().is_empty());
    }

    #[test]
    fn what_is_added_is_inside() {
        let mut tunnels: Tunnels = [Tunnel::Pppoe, Tunnel::Gtp].into_iter().collect();
        tunnels.add(tunnels);
        tunnels.add([Tunnel::Gtp, Tunnel::IpIp].into_iter().collect());
        tunnels.add(Tunnels::default());
        assert_eq!(words(tunnels), ["pppoe", "gtp", "ipip"]);
    }

    #[test]
    fn the_outermost_are_told_when_there_are_too_many() {
        let tunnels: Tunnels = ALL.into_iter().collect();
        assert_eq!(tunnels.iter().collect::<Vec<_>>(), ALL[..MAX_TUNNELS]);
    }

    #[test]
    fn every_tunnel_has_a_word_of_its_own() {
        let mut words = ALL.map(Tunnel::as_str).to_vec();
        // One that is missing above leaves a gap.
        assert!(
            ALL.iter()
                .enumerate()
                .all(|(place, tunnel)| *tunnel as usize == place)
        );
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), ALL.len());
        assert!(words.iter().all(|word| word.to_lowercase() == **word));
    }

    #[test]
    fn a_set_takes_a_byte_a_tunnel() {
        assert_eq!(size_of::<Tunnels>(), MAX_TUNNELS);
    }
}
