//! Sets of ports for the few addresses that contact many.

/// Most addresses whose ports past the first [`MAX_LISTED_PORTS`](super::contacts::MAX_LISTED_PORTS) are counted, at 8 KiB each.
pub(super) const MAX_PORT_MAPS: u16 = 512;

/// Sets of ports, one bit for each port.
#[derive(Debug, Default)]
pub(super) struct PortMaps(Vec<Box<[u64; 1024]>>);

impl PortMaps {
    /// Adds `port` to the map at `place`, which is given one first if there are maps left.
    ///
    /// Whether the port is new there; `None` when there is no map for it.
    pub(super) fn insert(&mut self, place: &mut Option<u16>, port: u16) -> Option<bool> {
        if place.is_none() {
            let next = u16::try_from(self.0.len()).ok()?;
            if next >= MAX_PORT_MAPS {
                return None;
            }
            self.0.push(Box::new([0; 1024]));
            *place = Some(next);
        }
        let map = self.0.get_mut(usize::from((*place)?))?;
        let word = map.get_mut(usize::from(port / 64))?;
        let bit = 1 << (port % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        Some(is_new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_new_once_in_each_map() {
        let mut maps = PortMaps::default();
        let (mut one, mut other) = (None, None);
        for port in [0, 63, 64, 65_535] {
            assert_eq!(maps.insert(&mut one, port), Some(true));
            assert_eq!(maps.insert(&mut one, port), Some(false));
            assert_eq!(maps.insert(&mut other, port), Some(true));
        }
        for _ in 2..MAX_PORT_MAPS {
            assert_eq!(maps.insert(&mut None, 1), Some(true));
        }
        assert_eq!(maps.insert(&mut None, 1), None);
        assert_eq!(maps.insert(&mut one, 7), Some(true));
    }
}
