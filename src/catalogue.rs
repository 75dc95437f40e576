//! Applications, as data: names, categories, aliases, domain suffixes; and how a name leads to one.

/// An application of a [`Catalogue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(pub u16);

/// Every application the program knows.
#[derive(Debug)]
pub struct Catalogue;
