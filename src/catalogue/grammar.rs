//! The grammar of a catalogue's text.
//!
//! One section an application, `key = value` lines in it, comments; a repeated key adds to what is there.

use std::collections::btree_map::Entry;

use thiserror::Error;

use super::{App, AppId, Catalogue, CategoryId, Target, plain};
use crate::domain::{DomainPattern, PatternError};
use crate::ini::{self, Content, Line, Position, shown};

/// What is wrong in a catalogue's text, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{at}: {fault}")]
pub struct CatalogueError {
    /// Line and column.
    pub at: Position,
    /// What is wrong there.
    pub fault: Fault,
}

/// What can be wrong in a catalogue's text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// A line that begins as a section does and does not end as one, or names nothing.
    #[error("found '{}', expected an application's name in brackets, such as [YouTube]", shown(.0))]
    Section(String),
    /// A line before the first section.
    #[error("found '{}' before any application, expected a line such as [YouTube] first", shown(.0))]
    NoSection(String),
    /// A line that is no `key = value`.
    #[error("found '{}', expected KEY = VALUE, such as domain = example.com", shown(.0))]
    NoKey(String),
    /// A key that means nothing.
    #[error("found the key '{}', expected category, alias, domain or host", shown(.0))]
    UnknownKey(String),
    /// A key without a value.
    #[error("found nothing after '{0} =', expected a value")]
    NoValue(&'static str),
    /// An application with two categories.
    #[error("found a second category, '{}'; expected one for each application", shown(.0))]
    SecondCategory(String),
    /// An application without a category.
    #[error("[{}] has no category, expected a line such as category = Streaming", shown(.0))]
    NoCategory(String),
    /// An application by which no flow could ever be known.
    #[error("[{}] has no domain, expected a line such as domain = example.com", shown(.0))]
    NoDomain(String),
    /// A name, alias or category that means something already.
    #[error("'{}' is taken, expected a name that no application, alias, category or protocol has", shown(.0))]
    NameTaken(String),
    /// A name of which nothing is left without punctuation.
    #[error("'{}' is no name, expected one with letters or digits", shown(.0))]
    NoName(String),
    /// A domain that stands somewhere already.
    #[error("'{domain}' already stands under [{app}], expected each domain once")]
    DomainTaken {
        /// The domain.
        domain: String,
        /// The application that has it.
        app: String,
    },
    /// A star in a domain.
    #[error("found '{}', expected a name without '*': a domain means itself and every name below it, a host itself alone", shown(.0))]
    Star(String),
    /// A domain that is none.
    #[error(transparent)]
    Domain(#[from] PatternError),
    /// More applications or categories than [`AppId`] can number.
    #[error("found one too many, expected at most {} applications", u16::MAX)]
    TooMany,
}

/// What a line of a section may tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Category,
    Alias,
    Domain,
    Host,
}

impl Key {
    const ALL: [Self; 4] = [Self::Category, Self::Alias, Self::Domain, Self::Host];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Alias => "alias",
            Self::Domain => "domain",
            Self::Host => "host",
        }
    }

    /// Whether `c` stands between two values. Categories and aliases may hold blanks.
    fn separator(self) -> fn(char) -> bool {
        match self {
            Self::Category => |_| false,
            Self::Alias => |c| c == ',',
            Self::Domain | Self::Host => |c| c == ',' || c.is_whitespace(),
        }
    }
}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Catalogue, CatalogueError> {
    let mut reader = Reader {
        catalogue: Catalogue::without_apps(),
        section: None,
    };
    for line in ini::lines(text) {
        reader.line(line)?;
    }
    reader.end_section()?;
    Ok(reader.catalogue)
}

struct Reader {
    /// Grows as the text is read. Names and domains are entered as they are met, an application when its section ends.
    catalogue: Catalogue,
    section: Option<Section>,
}

/// The section that is being read.
struct Section {
    at: Position,
    id: AppId,
    name: Box<str>,
    category: Option<CategoryId>,
    aliases: Vec<Box<str>>,
    domains: Vec<DomainPattern>,
}

impl Reader {
    fn line(&mut self, line: Line<'_>) -> Result<(), CatalogueError> {
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
        let id = u16::try_from(self.catalogue.apps.len())
            .map(AppId)
            .map_err(|_| Fault::TooMany)?;
        self.enter_name(name, Target::App(id))?;
        self.section = Some(Section {
            at,
            id,
            name: name.into(),
            category: None,
            aliases: Vec::new(),
            domains: Vec::new(),
        });
        Ok(())
    }

    fn end_section(&mut self) -> Result<(), CatalogueError> {
        let Some(section) = self.section.take() else {
            return Ok(());
        };
        let at = section.at;
        let name = section.name;
        let Some(category) = section.category else {
            let fault = Fault::NoCategory(name.into());
            return Err(CatalogueError { at, fault });
        };
        if section.domains.is_empty() {
            let fault = Fault::NoDomain(name.into());
            return Err(CatalogueError { at, fault });
        }
        self.catalogue.apps.push(App {
            name,
            category,
            aliases: section.aliases,
            domains: section.domains,
        });
        Ok(())
    }

    /// A line of the open section.
    fn pair(&mut self, text: &str, at: Position) -> Result<(), CatalogueError> {
        let Some(mut section) = self.section.take() else {
            let fault = Fault::NoSection(text.to_owned());
            return Err(CatalogueError { at, fault });
        };
        let Some((key, value)) = text.split_once('=') else {
            let fault = Fault::NoKey(text.to_owned());
            return Err(CatalogueError { at, fault });
        };
        let Some(known) = Key::ALL.into_iter().find(|k| k.as_str() == key.trim()) else {
            let fault = Fault::UnknownKey(key.trim().to_owned());
            return Err(CatalogueError { at, fault });
        };
        let mut empty = true;
        let column = at.column + key.chars().count() + 1;
        for (column, piece) in ini::pieces(column, value, known.separator()) {
            empty = false;
            let entered = match known {
                Key::Category => self.category(&mut section, piece),
                Key::Alias => self.alias(&mut section, piece),
                Key::Domain => self.domain(&mut section, piece, DomainPattern::Subtree),
                Key::Host => self.domain(&mut section, piece, DomainPattern::Exact),
            };
            let at = Position { column, ..at };
            entered.map_err(|fault| CatalogueError { at, fault })?;
        }
        if empty {
            let fault = Fault::NoValue(known.as_str());
            return Err(CatalogueError { at, fault });
        }
        self.section = Some(section);
        Ok(())
    }

    fn category(&mut self, section: &mut Section, name: &str) -> Result<(), Fault> {
        if section.category.is_some() {
            return Err(Fault::SecondCategory(name.to_owned()));
        }
        let id = match self.catalogue.by_typed_name.get(&plain(name)) {
            Some(Target::Category(id)) => *id,
            _ => {
                let id = u16::try_from(self.catalogue.categories.len())
                    .map(CategoryId)
                    .map_err(|_| Fault::TooMany)?;
                self.enter_name(name, Target::Category(id))?;
                self.catalogue.categories.push(name.into());
                id
            }
        };
        section.category = Some(id);
        Ok(())
    }

    fn alias(&mut self, section: &mut Section, name: &str) -> Result<(), Fault> {
        self.enter_name(name, Target::App(section.id))?;
        section.aliases.push(name.into());
        Ok(())
    }

    fn domain(
        &mut self,
        section: &mut Section,
        text: &str,
        pattern: fn(Box<str>) -> DomainPattern,
    ) -> Result<(), Fault> {
        let DomainPattern::Exact(name) = DomainPattern::parse(text)? else {
            return Err(Fault::Star(text.to_owned()));
        };
        let pattern = pattern(name);
        if let Some(owner) = self.catalogue.by_domain.insert(&pattern, section.id) {
            let owner = self.catalogue.app(owner).map(|app| &app.name);
            return Err(Fault::DomainTaken {
                domain: shown(text),
                app: owner.unwrap_or(&section.name).to_string(),
            });
        }
        section.domains.push(pattern);
        Ok(())
    }

    /// Lets people say `name` when they mean `target`.
    fn enter_name(&mut self, name: &str, target: Target) -> Result<(), Fault> {
        let plain = plain(name);
        if plain.is_empty() {
            return Err(Fault::NoName(name.to_owned()));
        }
        match self.catalogue.by_typed_name.entry(plain) {
            Entry::Vacant(free) => {
                free.insert(target);
                Ok(())
            }
            Entry::Occupied(_) => Err(Fault::NameTaken(name.to_owned())),
        }
    }
}
