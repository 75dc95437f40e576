//! Applications, as data: names, categories, aliases, and what they are known by; and how a name leads to one.
//!
//! Texts of catalogues go in (the built-in one lies beside this file, users have their own), answers come out: whose
//! a host name, an address, a port or a shape is, and what a person means who types a name. Knows nothing of flows or rules.

mod builder;
mod builtin;
mod fault;
mod grammar;
mod signs;

use std::fmt;
use std::net::IpAddr;

use ahash::HashMap;
use strsim::jaro_winkler;
use thiserror::Error;

pub use builder::CatalogueBuilder;
pub use fault::{AppsFileError, CatalogueError, Fault};
pub use signs::Sign;

use crate::ini;
use crate::packet::IpProtocol;
use crate::protocol::{Protocol, Shape};
use signs::Signs;

/// How many near names are told for one that is unknown.
const MAX_NEAREST: usize = 5;

/// Jaro-Winkler similarity from which on a name counts as near: one slip in a short word, two or three in a long one.
const NEAR: f64 = 0.84;

/// Longer texts than this, in bytes without punctuation, are near to nothing; comparing takes time that grows with the square.
const MAX_COMPARED: usize = 64;

/// An application of a [`Catalogue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(pub u16);

/// A category of a [`Catalogue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CategoryId(u16);

impl CategoryId {
    /// The category of flows of which neither application nor protocol is known.
    pub const UNKNOWN: Self = Self(0);
    /// The category of flows of which only the protocol is known.
    pub const PROTOCOLS: Self = Self(1);
}

/// What is known of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its name, as reports show it.
    pub name: Box<str>,
    /// Its category.
    pub category: CategoryId,
    /// Other names by which people call it.
    pub aliases: Vec<Box<str>>,
    /// The applications out of whose domains it takes names, as Gmail does out of Google's.
    pub within: Vec<AppId>,
    /// The applications that it is a part of, as Gmail is of Google: what is asked of those is asked of it too.
    pub wholes: Vec<AppId>,
    /// What it is known by, in the order of the text.
    pub signs: Vec<Sign>,
}

/// What a person means who names something to be blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// One application.
    App(AppId),
    /// Every application of a category; for [`CategoryId::PROTOCOLS`] every recognised protocol as well.
    Category(CategoryId),
    /// A protocol.
    Protocol(Protocol),
    /// Whatever nothing is recognised in.
    Unknown,
}

/// A name that means nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct UnknownName {
    /// What was asked for.
    pub name: String,
    /// The names most like it, the nearest first; at most five.
    pub nearest: Vec<String>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ini::shown(&self.name);
        write!(f, "'{name}' is no application, category or protocol")?;
        match self.nearest.as_slice() {
            [] => f.write_str(
                "; expected a name such as YouTube, Streaming or QUIC (--list-apps shows all)",
            ),
            near => write!(f, "; the nearest names: {}", near.join(", ")),
        }
    }
}

/// What the report calls a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label<'a> {
    /// The application, else the innermost protocol, else `Unknown`.
    pub name: &'a str,
    /// The category of that.
    pub category: &'a str,
}

/// Every application the program knows.
///
/// Immutable, shared by every worker.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// In the order of the text; [`AppId`] is the place here.
    apps: Vec<App>,
    /// [`CategoryId`] is the place here: `Unknown`, `Protocols`, then in order of first mention.
    categories: Vec<Box<str>>,
    signs: Signs,
    /// Names, aliases, categories and protocols in their [`plain`] form.
    by_typed_name: HashMap<String, Target>,
}

impl Catalogue {
    /// The catalogue that is compiled in.
    ///
    /// # Errors
    /// None in a build that passed its tests: one of them reads the compiled-in text.
    pub fn builtin() -> Result<Self, CatalogueError> {
        Ok(CatalogueBuilder::builtin()?.build())
    }

    /// The catalogue that `text` describes; its grammar is told in `catalogue.txt` beside this file.
    ///
    /// # Errors
    /// [`CatalogueError`] names line and column, what was found and what was expected.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        Ok(CatalogueBuilder::empty().text(text)?.build())
    }

    /// A catalogue of protocols alone.
    fn without_apps() -> Self {
        let categories: Vec<Box<str>> = vec!["Unknown".into(), "Protocols".into()];
        let mut by_typed_name = HashMap::default();
        by_typed_name.insert(plain("Unknown"), Target::Unknown);
        let protocols = Target::Category(CategoryId::PROTOCOLS);
        by_typed_name.insert(plain("Protocols"), protocols);
        for protocol in Protocol::ALL {
            for name in [protocol.as_str()].iter().chain(protocol.aliases()) {
                by_typed_name.insert(plain(name), Target::Protocol(protocol));
            }
        }
        Self {
            apps: Vec::new(),
            categories,
            signs: Signs::default(),
            by_typed_name,
        }
    }

    /// What is known of an application.
    pub fn app(&self, id: AppId) -> Option<&App> {
        self.apps.get(usize::from(id.0))
    }

    /// All applications, in the order of the text.
    pub fn apps(&self) -> impl Iterator<Item = (AppId, &App)> {
        (0..=u16::MAX).map(AppId).zip(&self.apps)
    }

    /// The applications that an application is a part of, itself first, then the nearest ones; none twice.
    pub fn wholes(&self, id: AppId) -> Vec<AppId> {
        let mut all = vec![id];
        let mut next = 0;
        while let Some(app) = all.get(next).and_then(|id| self.app(*id)) {
            for whole in &app.wholes {
                if !all.contains(whole) {
                    all.push(*whole);
                }
            }
            next += 1;
        }
        all
    }

    /// The name of a category.
    pub fn category(&self, id: CategoryId) -> Option<&str> {
        self.categories.get(usize::from(id.0)).map(AsRef::as_ref)
    }

    /// All categories: those of applications in the order of first mention, then `Protocols` and `Unknown`.
    pub fn categories(&self) -> impl Iterator<Item = (CategoryId, &str)> {
        let mut all = (0..=u16::MAX)
            .map(CategoryId)
            .zip(self.categories.iter().map(AsRef::as_ref));
        let unknown = all.next();
        let protocols = all.next();
        all.chain(protocols).chain(unknown)
    }

    /// The application that a host name belongs to: the one with the longest domain that the name lies in, on label borders.
    ///
    /// * `name`: normalised, as [`DomainName`](crate::domain::DomainName) is.
    /// * Costs a look for each label, and for every further eight bytes of it, however large the catalogue is, and no allocation.
    pub fn by_name(&self, name: &str) -> Option<AppId> {
        self.signs.by_name(name)
    }

    /// The application that a server name belongs to: as a host name, but names that are applications' as server names alone
    /// count too, and before an equally long domain.
    ///
    /// * `name`: normalised, as [`DomainName`](crate::domain::DomainName) is.
    pub fn by_sni(&self, name: &str) -> Option<AppId> {
        self.signs.by_sni(name)
    }

    /// The application that a name in a server's certificate belongs to: as a host name, but names that stand in certificates
    /// alone count too, and before an equally long domain.
    ///
    /// * `name`: normalised, as [`DomainName`](crate::domain::DomainName) is; a wildcard's star stands for nothing but itself.
    pub fn by_certificate(&self, name: &str) -> Option<AppId> {
        self.signs.by_certificate(name)
    }

    /// The application that alone speaks an application-layer protocol.
    ///
    /// * `id`: as [`escaped`](crate::domain::escaped) writes it, in its letter case.
    pub fn by_alpn(&self, id: &str) -> Option<AppId> {
        self.signs.by_alpn(id)
    }

    /// The application that an address belongs to: the one with the longest prefix.
    ///
    /// * An IPv4-mapped IPv6 address is the IPv4 address that it stands for.
    pub fn by_address(&self, address: IpAddr) -> Option<AppId> {
        self.signs.by_address(address)
    }

    /// The application that a port of UDP or TCP belongs to: the one with the narrowest range.
    pub fn by_port(&self, transport: IpProtocol, port: u16) -> Option<AppId> {
        self.signs.by_port(transport, port)
    }

    /// The application whose bytes have this shape.
    pub fn by_shape(&self, shape: Shape) -> Option<AppId> {
        self.signs.by_shape(shape)
    }

    /// Whether any address leads to an application: if not, there is no need to ask.
    pub fn has_addresses(&self) -> bool {
        self.signs.has_addresses()
    }

    /// Whether any port leads to an application: if not, there is no need to ask.
    pub fn has_ports(&self) -> bool {
        self.signs.has_ports()
    }

    /// What the report calls a flow of this application and this innermost protocol.
    pub fn label(&self, app: Option<AppId>, innermost: Option<Protocol>) -> Label<'_> {
        if let Some(app) = app.and_then(|id| self.app(id)) {
            return Label {
                name: &app.name,
                category: self.category(app.category).unwrap_or("Unknown"),
            };
        }
        match innermost {
            Some(protocol) => Label {
                name: protocol.as_str(),
                category: "Protocols",
            },
            None => Label {
                name: "Unknown",
                category: "Unknown",
            },
        }
    }

    /// What a person means by `text`: the name of an application, a category or a protocol. Case, blanks and punctuation do not count.
    pub fn find(&self, text: &str) -> Option<Target> {
        self.by_typed_name.get(&plain(text)).copied()
    }

    /// The same for whoever wants to know what else it may have been, which takes a thousand times as long to tell.
    ///
    /// # Errors
    /// [`UnknownName`] lists the nearest names.
    pub fn resolve(&self, text: &str) -> Result<Target, UnknownName> {
        self.find(text).ok_or_else(|| UnknownName {
            name: text.trim().to_owned(),
            nearest: self.nearest(&plain(text)),
        })
    }

    /// The name of a target, as reports show it.
    pub fn target_name(&self, target: Target) -> &str {
        match target {
            Target::App(id) => self.label(Some(id), None).name,
            Target::Category(id) => self.category(id).unwrap_or("Unknown"),
            Target::Protocol(protocol) => protocol.as_str(),
            Target::Unknown => "Unknown",
        }
    }

    fn nearest(&self, wanted: &str) -> Vec<String> {
        if wanted.len() > MAX_COMPARED {
            return Vec::new();
        }
        let mut near: Vec<(f64, &str)> = self
            .by_typed_name
            .iter()
            .map(|(typed, target)| (jaro_winkler(typed, wanted), self.target_name(*target)))
            .filter(|(likeness, _)| *likeness >= NEAR)
            .collect();
        // A whole order, whatever that of the map is.
        near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        let mut names: Vec<String> = Vec::new();
        for (_, name) in near {
            // Reached by name and by alias: told once.
            if names.len() < MAX_NEAREST && !names.iter().any(|n| n == name) {
                names.push(name.to_owned());
            }
        }
        names
    }
}

/// A name as it is compared: letters and digits alone, in lower case.
fn plain(name: &str) -> String {
    if name.is_ascii() {
        let mut plain = String::with_capacity(name.len());
        let kept = name.bytes().filter(u8::is_ascii_alphanumeric);
        plain.extend(kept.map(|b| char::from(b.to_ascii_lowercase())));
        return plain;
    }
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests;
