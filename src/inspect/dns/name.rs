//! Names in messages: labels one after the other, the rest of a name perhaps elsewhere.

/// Longest name, its length bytes and the root included. RFC 1035 §2.3.4.
const MAX_WIRE_LEN: usize = 255;
/// Most pointers in one name: as many as it can have labels.
const MAX_POINTERS: usize = 127;

/// Why a name or a question can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::inspect) enum Stop {
    /// The message ends first.
    Cut,
    /// It is too long, has a label of no known type, or a pointer that does not lead back.
    Malformed,
}

/// The labels of a name.
///
/// Every pointer must lead to before the bytes that the one before it led to: so no name is read in a circle, and the time it
/// takes is bounded by the two constants above.
#[derive(Debug, Clone)]
pub(in crate::inspect) struct Labels<'a> {
    message: &'a [u8],
    /// Where the next label is.
    at: usize,
    /// Where the bytes begin that are being read; a pointer must lead to before that.
    floor: usize,
    pointers: usize,
    wire_len: usize,
    /// Where the name ends in the place where it began, once it is known.
    end: Option<usize>,
}

impl<'a> Labels<'a> {
    /// The labels of the name at `at`.
    pub(in crate::inspect) fn new(message: &'a [u8], at: usize) -> Self {
        Self {
            message,
            at,
            floor: at,
            pointers: 0,
            wire_len: 1,
            end: None,
        }
    }

    /// Whether a pointer has been met.
    pub(super) fn is_compressed(&self) -> bool {
        self.pointers > 0
    }

    /// Reads what is left, and tells where the name ends in the place where it began.
    pub(in crate::inspect) fn end(&mut self) -> Result<usize, Stop> {
        for label in self.by_ref() {
            label?;
        }
        self.end.ok_or(Stop::Malformed)
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = Result<&'a [u8], Stop>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match step(self.message, self.at) {
                Ok(Step::Root) => {
                    self.end.get_or_insert(self.at + 1);
                    return None;
                }
                Ok(Step::Label(label)) => {
                    self.at += 1 + label.len();
                    self.wire_len += 1 + label.len();
                    if self.wire_len > MAX_WIRE_LEN {
                        return Some(Err(Stop::Malformed));
                    }
                    return Some(Ok(label));
                }
                Ok(Step::Pointer(to)) => {
                    self.end.get_or_insert(self.at + 2);
                    self.pointers += 1;
                    if to >= self.floor || self.pointers > MAX_POINTERS {
                        return Some(Err(Stop::Malformed));
                    }
                    self.floor = to;
                    self.at = to;
                }
                Err(stop) => return Some(Err(stop)),
            }
        }
    }
}

/// Where the name at `at` ends, without a look at where its pointer leads.
pub(super) fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match step(message, at).ok()? {
            Step::Root => return Some(at + 1),
            Step::Label(label) => at += 1 + label.len(),
            Step::Pointer(to) => return (to < at).then_some(at + 2),
        }
    }
}

/// What stands at one place in a name.
enum Step<'a> {
    Root,
    Label(&'a [u8]),
    Pointer(usize),
}

/// Source: RFC 1035 §4.1.4.
fn step(message: &[u8], at: usize) -> Result<Step<'_>, Stop> {
    match *message.get(at..).unwrap_or(&[]) {
        [] | [0xc0..=0xff] => Err(Stop::Cut),
        [0, ..] => Ok(Step::Root),
        [len @ 1..=63, ref rest @ ..] => match rest.get(..len.into()) {
            Some(label) => Ok(Step::Label(label)),
            None => Err(Stop::Cut),
        },
        [high @ 0xc0..=0xff, low, ..] => Ok(Step::Pointer(usize::from(u16::from_be_bytes([
            high & 0x3f,
            low,
        ])))),
        // The two other types were experiments; RFC 6891 §5 closed them.
        [0x40..=0xbf, ..] => Err(Stop::Malformed),
    }
}
