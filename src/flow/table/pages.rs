//! A list that grows without moving what is in it.

/// Length of a page: so many flows as a shard holds unless the user wants more. Where one page is enough, nothing stands between the
/// list and what is in it.
const PAGE_LEN: usize = 4096;

/// Things by number. What of a page was never touched is no memory yet.
pub(super) struct Pages<T> {
    first: Vec<T>,
    /// Full, but for the last of them.
    more: Vec<Vec<T>>,
}

impl<T> Pages<T> {
    pub(super) const fn new() -> Self {
        Self {
            first: Vec::new(),
            more: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn get(&self, place: u32) -> Option<&T> {
        match self.first.get(place as usize) {
            None => self.get_behind_first(place as usize),
            there => there,
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut T> {
        match self.first.get_mut(place as usize) {
            None => Self::get_mut_behind_first(&mut self.more, place as usize),
            there => there,
        }
    }

    /// The one in a place, of which it is known that one is there.
    ///
    /// # Panics
    /// None is.
    #[inline]
    pub(super) fn there_mut(&mut self, place: u32) -> &mut T {
        let place = place as usize;
        match place.checked_sub(PAGE_LEN) {
            None => &mut self.first[place],
            Some(behind) => &mut self.more[behind / PAGE_LEN][behind % PAGE_LEN],
        }
    }

    /// Adds one at the end, of `most` that there will ever be.
    pub(super) fn push(&mut self, value: T, most: usize) {
        let page = if self.first.len() < PAGE_LEN {
            &mut self.first
        } else {
            if self.more.last().is_none_or(|page| page.len() == PAGE_LEN) {
                self.more.push(Vec::new());
            }
            let Some(last) = self.more.last_mut() else {
                return;
            };
            last
        };
        if page.is_empty() {
            page.reserve_exact(PAGE_LEN.min(most));
        }
        page.push(value);
    }

    #[cold]
    fn get_behind_first(&self, place: usize) -> Option<&T> {
        let place = place.checked_sub(PAGE_LEN)?;
        self.more.get(place / PAGE_LEN)?.get(place % PAGE_LEN)
    }

    #[cold]
    fn get_mut_behind_first(more: &mut [Vec<T>], place: usize) -> Option<&mut T> {
        let place = place.checked_sub(PAGE_LEN)?;
        more.get_mut(place / PAGE_LEN)?.get_mut(place % PAGE_LEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_found_by_their_number_and_stay_where_they_are() {
        let most = 2 * PAGE_LEN + 10;
        let mut pages = Pages::new();
        assert_eq!(pages.get(0), None::<&usize>);
        pages.push(0, most);
        let first: *const usize = pages.get(0).unwrap();
        for number in 1..most {
            pages.push(number, most);
        }
        assert!(std::ptr::eq(first, pages.get(0).unwrap()));
        for number in 0..most {
            assert_eq!(pages.get(number as u32), Some(&number));
            assert_eq!(pages.get_mut(number as u32).copied(), Some(number));
            assert_eq!(*pages.there_mut(number as u32), number);
        }
        for past in [most as u32, 3 * PAGE_LEN as u32, u32::MAX] {
            assert_eq!(pages.get(past), None);
            assert_eq!(pages.get_mut(past), None);
        }
    }

    #[test]
    fn a_page_takes_no_more_room_than_there_may_be() {
        let mut pages = Pages::new();
        (0..3).for_each(|number| pages.push(number, 3));
        assert_eq!((pages.first.capacity(), pages.more.len()), (3, 0));
    }
}
