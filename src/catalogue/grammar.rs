//! The grammar of a catalogue's text.
//!
//! One section an application, `key = value` lines in it, comments; a repeated key adds to what is there.

use memchr::memchr;

use super::builder::CatalogueBuilder;
use super::signs::Sign;
use super::{AppId, CatalogueError, CategoryId, Fault};
use crate::domain::{DomainName, DomainPattern, escaped};
use crate::endpoints;
use crate::ini::{self, Content, Line, Position};
use crate::packet::IpProtocol;
use crate::protocol::Shape;

/// What a line of a section may tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Category,
    Alias,
    Within,
    PartOf,
    Domain,
    Host,
    Sni,
    Certificate,
    Alpn,
    Address,
    Port,
    Shape,
}

impl Key {
    pub(super) const ALL: [Self; 12] = [
        Self::Category,
        Self::Alias,
        Self::Within,
        Self::PartOf,
        Self::Domain,
        Self::Host,
        Self::Sni,
        Self::Certificate,
        Self::Alpn,
        Self::Address,
        Self::Port,
        Self::Shape,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Alias => "alias",
            Self::Within => "within",
            Self::PartOf => "part-of",
            Self::Domain => "domain",
            Self::Host => "host",
            Self::Sni => "sni",
            Self::Certificate => "certificate",
            Self::Alpn => "alpn",
            Self::Address => "address",
            Self::Port => "port",
            Self::Shape => "shape",
        }
    }

    /// The key that is written like this.
    fn parse(text: &str) -> Option<Self> {
        // Most lines tell domains.
        let usual = [Self::Domain, Self::Category].into_iter();
        usual.chain(Self::ALL).find(|key| key.as_str() == text)
    }

    /// Whether several values may stand behind it, with commas between them.
    fn takes_many(self) -> bool {
        self != Self::Category
    }

    /// Whether its values are names that people give, in which there may be blanks.
    fn is_of_names(self) -> bool {
        use Key::{Alias, Category, Certificate, PartOf, Within};
        matches!(self, Category | Alias | Within | PartOf | Certificate)
    }
}

/// Reads a whole text into `builder`.
pub(super) fn read(text: &str, builder: &mut CatalogueBuilder) -> Result<(), CatalogueError> {
    let mut reader = Reader {
        builder,
        section: None,
        ties: Vec::new(),
    };
    for line in ini::lines(text) {
        reader.line(line)?;
    }
    reader.end_section()?;
    for Tie { at, id, key, name } in reader.ties {
        let added = match key {
            Key::PartOf => reader.builder.add_whole(id, name),
            _ => reader.builder.add_within(id, name),
        };
        added.map_err(|fault| CatalogueError { at, fault })?;
    }
    Ok(())
}

struct Reader<'b, 't> {
    builder: &'b mut CatalogueBuilder,
    section: Option<Section>,
    /// Which applications lie within which, and are parts of which: asked at the end, when all of them have a name.
    ties: Vec<Tie<'t>>,
}

/// What an application is said to be to another one.
struct Tie<'t> {
    at: Position,
    id: AppId,
    key: Key,
    name: &'t str,
}

/// The section that is being read.
#[derive(Clone, Copy)]
struct Section {
    at: Position,
    id: AppId,
    has_category: bool,
}

impl<'t> Reader<'_, 't> {
    fn line(&mut self, line: Line<'t>) -> Result<(), CatalogueError> {
        let at = line.at;
        match line.content {
            Content::Section(name) => {
                self.end_section()?;
                self.begin_section(name, at)
                    .map_err(|fault| CatalogueError { at, fault })
            }
            Content::BrokenSection(found) => Err(CatalogueError {
                at,
                fault: Fault::Section(found.to_owned()),
            }),
            Content::Value(text) => self.pair(text, at),
        }
    }

    fn begin_section(&mut self, name: &str, at: Position) -> Result<(), Fault> {
        if name.is_empty() {
            return Err(Fault::Section("[]".to_owned()));
        }
        self.section = Some(Section {
            at,
            id: self.builder.open(name)?,
            has_category: false,
        });
        Ok(())
    }

    fn end_section(&mut self) -> Result<(), CatalogueError> {
        let Some(section) = self.section.take() else {
            return Ok(());
        };
        let Some(app) = self.builder.app(section.id) else {
            return Ok(());
        };
        let fault = if app.category == CategoryId::UNKNOWN {
            Fault::NoCategory(app.name.to_string())
        } else if app.signs.is_empty() {
            Fault::NoSign(app.name.to_string())
        } else {
            return Ok(());
        };
        let at = section.at;
        Err(CatalogueError { at, fault })
    }

    /// A line of the open section.
    fn pair(&mut self, text: &'t str, at: Position) -> Result<(), CatalogueError> {
        let fail = |fault| Err(CatalogueError { at, fault });
        let Some(mut section) = self.section else {
            return fail(Fault::NoSection(text.to_owned()));
        };
        let equals = memchr(b'=', text.as_bytes());
        let Some((key, value)) = equals.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)))
        else {
            return fail(Fault::NoKey(text.to_owned()));
        };
        let Some(known) = Key::parse(ini::trimmed(key).1) else {
            return fail(Fault::UnknownKey(key.trim().to_owned()));
        };
        let mut empty = true;
        let column = at.column + ini::char_count(key) + 1;
        let (commas, blanks) = (known.takes_many(), !known.is_of_names());
        let is_separator = |c: char| commas && c == ',' || blanks && c.is_whitespace();
        for (column, piece) in ini::pieces(column, value, is_separator) {
            empty = false;
            let at = Position { column, ..at };
            self.value(&mut section, known, (piece, at))
                .map_err(|fault| CatalogueError { at, fault })?;
        }
        if empty {
            return fail(Fault::NoValue(known.as_str()));
        }
        self.section = Some(section);
        Ok(())
    }

    fn value(
        &mut self,
        section: &mut Section,
        key: Key,
        (text, at): (&'t str, Position),
    ) -> Result<(), Fault> {
        let id = section.id;
        match key {
            Key::Category if section.has_category => Err(Fault::SecondCategory(text.to_owned())),
            Key::Category => {
                section.has_category = true;
                self.builder.set_category(id, text)
            }
            Key::Alias => self.builder.add_alias(id, text),
            Key::Within | Key::PartOf => {
                let name = text;
                self.ties.push(Tie { at, id, key, name });
                Ok(())
            }
            Key::Port => ports(text)?
                .into_iter()
                .flatten()
                .try_for_each(|sign| self.builder.add_sign(id, sign, text)),
            _ => match sign(key, text)? {
                Some(sign) => self.builder.add_sign(id, sign, text),
                None => Ok(()),
            },
        }
    }
}

/// The one sign that `text` means behind `key`, if that is what stands behind it.
fn sign(key: Key, text: &str) -> Result<Option<Sign>, Fault> {
    Ok(Some(match key {
        Key::Category | Key::Alias | Key::Within | Key::PartOf | Key::Port => return Ok(None),
        Key::Domain => Sign::Domain(DomainPattern::Subtree(plain_name(text)?)),
        Key::Host => Sign::Domain(DomainPattern::Exact(plain_name(text)?)),
        Key::Sni => Sign::Sni(DomainPattern::parse(text)?),
        Key::Certificate => Sign::Certificate(certificate_name(text)?),
        Key::Alpn => Sign::Alpn(escaped(text.as_bytes()).as_str().into()),
        Key::Address => Sign::Address(endpoints::net(text)?),
        Key::Shape => {
            let shape = Shape::ALL.into_iter().find(|shape| shape.as_str() == text);
            Sign::Shape(shape.ok_or_else(|| Fault::Shape(text.to_owned()))?)
        }
    }))
}

/// A domain or host without a star, for the key says which of them it is.
fn plain_name(text: &str) -> Result<Box<str>, Fault> {
    match DomainPattern::parse(text)? {
        DomainPattern::Exact(name) => Ok(name),
        DomainPattern::Subtree(_) => Err(Fault::Star(text.to_owned())),
    }
}

/// A name that need be no host's, but is written as those in certificates are.
fn certificate_name(text: &str) -> Result<DomainPattern, Fault> {
    let (name, pattern): (_, fn(Box<str>) -> DomainPattern) = match text.strip_prefix("*.") {
        Some(suffix) => (suffix, DomainPattern::Subtree),
        None => (text, DomainPattern::Exact),
    };
    let name = DomainName::from_bytes(name.as_bytes())
        .ok_or_else(|| Fault::Certificate(text.to_owned()))?;
    Ok(pattern(name.as_str().into()))
}

/// `5060/udp`, `6881-6889/tcp`, or without a transport both.
fn ports(text: &str) -> Result<[Option<Sign>; 2], Fault> {
    let (range, transport) = endpoints::transport_ports(text)?;
    let sign = |its| {
        let is_meant = transport.is_none_or(|meant| meant == its);
        is_meant.then(|| Sign::Ports(its, range.clone()))
    };
    Ok([sign(IpProtocol::TCP), sign(IpProtocol::UDP)])
}
