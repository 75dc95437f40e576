//! The catalogue that is compiled in: how it is written, then a file a category.
//!
//! One file would have three thousand lines; of a category one sees at once what is there and what is not.

/// All of it, in the order in which `--list-apps` shows it.
pub(super) const TEXT: &str = concat!(
    include_str!("catalogue.txt"),
    include_str!("apps/streaming.txt"),
    include_str!("apps/social.txt"),
    include_str!("apps/productivity.txt"),
    include_str!("apps/developer.txt"),
    include_str!("apps/shopping.txt"),
    include_str!("apps/messaging.txt"),
    include_str!("apps/storage.txt"),
    include_str!("apps/cloud.txt"),
    include_str!("apps/gaming.txt"),
    include_str!("apps/ai.txt"),
    include_str!("apps/search.txt"),
    include_str!("apps/news.txt"),
    include_str!("apps/finance.txt"),
    include_str!("apps/travel.txt"),
    include_str!("apps/education.txt"),
    include_str!("apps/dating.txt"),
    include_str!("apps/vpn.txt"),
    include_str!("apps/security.txt"),
    include_str!("apps/remote_access.txt"),
    include_str!("apps/advertising.txt"),
    include_str!("apps/updates.txt"),
    include_str!("apps/devices.txt"),
    include_str!("apps/adult.txt"),
    include_str!("apps/gambling.txt"),
);

#[cfg(test)]
mod tests;
