//! What was found in a flow: its names, what its client offered in TLS, and what its application was concluded from.

use ahash::RandomState;
use hashbrown::HashTable;
use smallvec::SmallVec;
use thin_vec::ThinVec;

use super::SharedFate;
use crate::alpn::Alpn;
use crate::caveats::Caveats;
use crate::domain::DomainName;
use crate::evidence::{
    Basis, Deciding, Fingerprints, FoundName, Ground, Grounds, NameSource, TlsVersion,
};
use crate::prefetch::prefetch;

/// Distinct names kept of one flow. Rules still see every one.
pub const MAX_NAMES_PER_FLOW: usize = 4096;
/// Bytes of names kept of one flow.
pub const MAX_NAME_BYTES_PER_FLOW: usize = 256 << 10;
/// Names up to which a plain scan finds a repetition as fast as an index.
const SCANNED_NAMES: usize = 16;

/// What was found in a flow. One allocation holds nearly all of it, made when there is something to tell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// Names, in the order found, each once for each place it stood in; at most [`MAX_NAMES_PER_FLOW`]. Most flows have one or none.
    pub names: SmallVec<[FoundName; 1]>,
    /// Application protocols that the client offered, in its order (RFC 7301), escaped as names are.
    pub alpn: Alpn,
    /// The highest TLS version that the client offered.
    pub offered: Option<TlsVersion>,
    /// The TLS version that the server chose.
    pub chosen: Option<TlsVersion>,
    /// Whether a ClientHello carried an encrypted one, or something random in its place, which can't be told apart (RFC 9849 §6.2):
    /// its `server_name` is possibly a cover name.
    pub has_ech: bool,
    /// Whether a request in it named more than one host.
    pub host_conflict: bool,
    name_bytes: u32,
    /// What the client's first ClientHello looks like; `None` when it was not heard, or nobody asked.
    pub fingerprints: Option<Box<Fingerprints>>,
    /// What its application and protocols were concluded from.
    pub grounds: Grounds,
    /// What met the rule that blocked or allowed the flow; `None` for a rule of addresses or ports, and where none did.
    pub verdict: Option<Deciding>,
    rare: Option<Box<Rare>>,
}

/// What is found in few flows. Apart, so that the others take less memory.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rare {
    /// What else than names leads to an application, whether it decided or not: shapes, and what clients offer. At most
    /// [`Rare::MAX_SIGNS`], each once.
    pub signs: ThinVec<Ground>,
    /// Packets that another rule took than the flow's own.
    pub shared_fates: ThinVec<SharedFate>,
    /// What was not found in it, or is in doubt; `None` as a rule.
    pub caveats: Option<Box<Caveats>>,
    /// Once there are more names than a scan should look at.
    index: Option<Box<NameIndex>>,
}

impl Rare {
    /// How many signs of one flow are kept.
    pub const MAX_SIGNS: usize = 8;

    const NONE: Self = Self {
        signs: ThinVec::new(),
        shared_fates: ThinVec::new(),
        caveats: None,
        index: None,
    };

    /// Keeps a sign, unless it is there already.
    pub(crate) fn add_sign(&mut self, sign: Ground) {
        let is_it = |there: &Ground| there.by == sign.by && there.value == sign.value;
        if self.signs.len() < Self::MAX_SIGNS && !self.signs.iter().any(is_it) {
            self.signs.push(sign);
        }
    }
}

/// Places of names. Says nothing that the names do not say, so any two are equal.
#[derive(Debug, Clone, Default)]
struct NameIndex {
    hasher: RandomState,
    places: HashTable<u32>,
}

impl PartialEq for NameIndex {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Findings {
    /// Nothing.
    pub(super) const NONE: Self = Self {
        names: SmallVec::new_const(),
        alpn: Alpn::NONE,
        offered: None,
        chosen: None,
        has_ech: false,
        host_conflict: false,
        name_bytes: 0,
        fingerprints: None,
        grounds: Grounds::NONE,
        verdict: None,
        rare: None,
    };

    /// What few flows have, be it nothing.
    pub fn rare(&self) -> &Rare {
        static NONE: Rare = Rare::NONE;
        self.rare.as_deref().unwrap_or(&NONE)
    }

    /// The same, to be added to.
    pub fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Adds a name unless it is there already: its place among the names. Counts it, and gives it back, when there is no more room.
    ///
    /// * `packet`: the number of the packet that completed it.
    ///
    /// # Errors
    /// The name, when the flow has [`MAX_NAMES_PER_FLOW`] or [`MAX_NAME_BYTES_PER_FLOW`] of them.
    pub fn add(
        &mut self,
        name: DomainName,
        from: NameSource,
        packet: u64,
    ) -> Result<u32, DomainName> {
        if let Some(place) = self.place(&name, from) {
            return Ok(place);
        }
        let size = name.as_str().len();
        if self.names.len() >= MAX_NAMES_PER_FLOW
            || self.name_bytes as usize + size > MAX_NAME_BYTES_PER_FLOW
        {
            let caveats = self.caveats();
            caveats.names = caveats.names.saturating_add(1);
            return Err(name);
        }
        self.name_bytes += size as u32;
        let place = self.names.len() as u32;
        self.names.push(FoundName {
            name,
            from,
            packet,
            offset: None,
        });
        self.index_last();
        Ok(place)
    }

    /// Takes note of where a name stands in the packet that completed it, unless another packet did.
    pub fn locate(&mut self, place: u32, packet: u64, offset_of: impl Fn(&str) -> Option<u32>) {
        let found = self.names.get_mut(place as usize);
        if let Some(found) = found.filter(|found| found.packet == packet && found.offset.is_none())
        {
            found.offset = offset_of(found.name.as_str());
        }
    }

    /// The TLS version that the server chose; where it was not seen, the highest that the client offered.
    pub fn tls_version(&self) -> Option<TlsVersion> {
        self.chosen.or(self.offered)
    }

    /// What decided the application: what it is, what it says, and the number of the packet that carried it.
    pub fn decided_by(&self) -> Option<(Basis, &str, u64)> {
        self.meant(self.grounds.application.as_ref()?)
    }

    /// What met the rule that decided, told as [`decided_by`](Self::decided_by); `None` for a rule of addresses or ports.
    pub fn judged_by(&self) -> Option<(Basis, &str, u64)> {
        self.meant(self.verdict.as_ref()?)
    }

    fn meant<'a>(&'a self, deciding: &'a Deciding) -> Option<(Basis, &'a str, u64)> {
        match deciding {
            Deciding::Name(place) => {
                let found = self.names.get(*place as usize)?;
                Some((Basis::Name(found.from), found.name.as_str(), found.packet))
            }
            Deciding::Sign(sign) => Some((sign.by, &sign.value, sign.packet)),
        }
    }

    /// The place of the first name that an answer of DNS gave.
    pub(crate) fn answer(&self) -> Option<u32> {
        let by_answer = |found: &FoundName| found.from == NameSource::DnsAnswer;
        self.names
            .iter()
            .position(by_answer)
            .map(|place| place as u32)
    }

    /// Whether any of the names was found in the flow itself.
    pub(crate) fn names_itself(&self) -> bool {
        self.names
            .iter()
            .any(|found| found.from != NameSource::DnsAnswer)
    }

    /// Its caveats, to be added to.
    pub(crate) fn caveats(&mut self) -> &mut Caveats {
        self.rare_mut().caveats.get_or_insert_default()
    }

    /// Bytes that it holds beyond itself: a table that is full has no more of it than flows.
    pub(crate) fn held_bytes(&self) -> usize {
        let names = if self.names.spilled() {
            self.names.len() * size_of::<FoundName>()
        } else {
            0
        };
        // Where it is a name of the list it takes less; but which flow is closed first should not hang on that.
        let verdict = self.judged_by();
        let verdict = verdict.map_or(0, |(_, value, _)| size_of::<Ground>() + value.len());
        self.alpn.held_bytes()
            + self.name_bytes as usize
            + names
            + verdict
            + self.rare().signs.capacity() * size_of::<Ground>()
    }

    /// Asks for each line of memory that it takes, as likely as not.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch(&self.names);
        prefetch(&self.alpn);
        prefetch(&self.grounds);
        prefetch(&self.rare);
    }

    /// Lets go of what only adding needs.
    pub(crate) fn close(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.index = None;
        }
    }

    fn place(&self, name: &DomainName, from: NameSource) -> Option<u32> {
        let is_it = |there: &FoundName| there.name == *name && there.from == from;
        match &self.rare().index {
            None => self.names.iter().position(is_it).map(|place| place as u32),
            Some(index) => {
                let hash = index.hasher.hash_one((name, from));
                let is_there = |&place: &u32| self.names.get(place as usize).is_some_and(is_it);
                index.places.find(hash, is_there).copied()
            }
        }
    }

    fn index_last(&mut self) {
        let has_index = self.rare().index.is_some();
        if !has_index && self.names.len() <= SCANNED_NAMES {
            return;
        }
        let names = &self.names;
        let first = if has_index { names.len() - 1 } else { 0 };
        let index = &mut self.rare.get_or_insert_default().index;
        let NameIndex { hasher, places } = &mut **index.get_or_insert_default();
        let hash = |place: u32| {
            names
                .get(place as usize)
                .map_or(0, |there| hasher.hash_one((&there.name, there.from)))
        };
        for place in first as u32..names.len() as u32 {
            places.insert_unique(hash(place), place, |&other| hash(other));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_however_many_there_are() {
        let mut found = Findings::default();
        for round in 0..3u64 {
            for i in 0..1000u64 {
                let name = DomainName::from_bytes(format!("host{i}.example").as_bytes()).unwrap();
                found
                    .add(name, NameSource::DnsQuery, round * 1000 + i)
                    .unwrap();
            }
        }
        assert_eq!(found.names.len(), 1000);
        assert!(
            found
                .names
                .iter()
                .enumerate()
                .all(|(i, name)| name.packet == i as u64)
        );
        let name = DomainName::from_bytes(b"host7.example").unwrap();
        assert_eq!(found.add(name, NameSource::TlsSni, 9), Ok(1000));
        assert_eq!(found.names.len(), 1001);
    }

    #[test]
    fn a_name_adds_its_text_and_the_first_one_nothing_else() {
        let mut found = Findings::default();
        let sizes: Vec<_> = [&b"a.example"[..], b"b.example"]
            .into_iter()
            .map(|name| {
                let name = DomainName::from_bytes(name).unwrap();
                found.add(name, NameSource::DnsQuery, 1).unwrap();
                found.held_bytes()
            })
            .collect();
        assert_eq!(sizes, [9, 18 + 2 * size_of::<FoundName>()]);
    }

    #[test]
    fn what_met_a_rule_counts_as_held() {
        let mut found = Findings::default();
        let empty = found.held_bytes();
        found.verdict = Some(Deciding::Sign(Box::new(Ground {
            by: Basis::Content,
            value: "a".repeat(1000).into(),
            packet: 1,
        })));
        assert!(found.held_bytes() >= empty + 1000);
    }

    #[test]
    fn names_of_one_flow_are_bounded() {
        let mut found = Findings::default();
        for i in 0..MAX_NAMES_PER_FLOW + 10 {
            let name = DomainName::from_bytes(format!("{i}").as_bytes()).unwrap();
            let is_kept = found.add(name, NameSource::HttpHost, 1).is_ok();
            assert_eq!(is_kept, i < MAX_NAMES_PER_FLOW);
        }
        assert_eq!(found.names.len(), MAX_NAMES_PER_FLOW);
        assert_eq!(found.caveats().names, 10);
        let name = DomainName::from_bytes(b"7").unwrap();
        assert_eq!(found.add(name, NameSource::HttpHost, 1), Ok(7));
        assert_eq!(found.caveats().names, 10, "a name that is listed");
    }
}
