//! What the tests of every inspector share: hex with comments, and damage that is the same in every run.

/// The bytes that `text` writes in hex. White space separates; `#` starts a comment that ends with its line.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap().chars())
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

/// Calls `check` with `rounds` damaged copies of `bytes`: a few bytes flipped, and every fourth copy cut as well.
pub(super) fn each_mutation(bytes: &[u8], rounds: u32, mut check: impl FnMut(&[u8])) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below.max(1)
    };
    for round in 0..rounds {
        let mut copy = bytes.to_vec();
        for _ in 0..=random(4) {
            if let Some(byte) = copy.get_mut(random(bytes.len())) {
                *byte = match random(3) {
                    0 => 0xff,
                    1 => *byte ^ (1 << random(8)),
                    _ => random(256) as u8,
                };
            }
        }
        if round % 4 == 0 {
            copy.truncate(random(bytes.len() + 1));
        }
        check(&copy);
    }
}
