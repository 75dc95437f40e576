//! What can be wrong in a catalogue's text, and where.

use thiserror::Error;

use crate::domain::PatternError;
use crate::endpoints::{AddressError, PortError};
use crate::ini::{NotUtf8, Position, printable, shown};
use crate::protocol::Shape;

/// What is wrong in a catalogue's text, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{at}: {fault}")]
pub struct CatalogueError {
    /// Line and column.
    pub at: Position,
    /// What is wrong there.
    pub fault: Fault,
}

/// A file of applications that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}:{error}", printable(.path))]
pub struct AppsFileError {
    /// The file, as it was named.
    pub path: String,
    /// The first thing that is wrong in it.
    pub error: CatalogueError,
}

/// What can be wrong in a catalogue's text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Fault {
    /// The file is no text.
    #[error(transparent)]
    NotUtf8(#[from] NotUtf8),
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
    #[error("found the key '{}', expected {KEYS}", shown(.0))]
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
    #[error("[{}] has nothing that it is known by, expected a line such as domain = example.com", shown(.0))]
    NoSign(String),
    /// A name, alias or category that means something already.
    #[error("'{}' is taken, expected a name that no application, alias, category or protocol has", shown(.0))]
    NameTaken(String),
    /// A name of which nothing is left without punctuation, or with control characters in it.
    #[error("'{}' is no name, expected one with letters or digits, and without control characters", shown(.0))]
    NoName(String),
    /// A domain, address or other sign that stands somewhere already.
    #[error("'{sign}' already stands under [{app}], expected it once")]
    SignTaken {
        /// The sign, as it was written.
        sign: String,
        /// The application that has it.
        app: String,
    },
    /// A star in a domain.
    #[error("found '{}', expected a name without '*': a domain means itself and every name below it, a host itself alone", shown(.0))]
    Star(String),
    /// A domain or server name that is none.
    #[error(transparent)]
    Domain(#[from] PatternError),
    /// A name in a certificate that is empty or too long.
    #[error("'{}' is no name in a certificate, expected one such as AnyNet Relay or *.example.com", shown(.0))]
    Certificate(String),
    /// An address that is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A port that is none.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A shape that nobody recognises.
    #[error("'{}' is no shape, expected one of {}", shown(.0), shapes())]
    Shape(String),
    /// What should be an application, and is none.
    #[error("'{}' is no application, expected the name of one in this catalogue", shown(.0))]
    NoApp(String),
    /// An application that would be a part of its own part.
    #[error("'{}' is a part of this application, expected one that is not", shown(.0))]
    PartOfPart(String),
    /// More applications, categories or texts than can be numbered.
    #[error("found one too many, expected at most {}", u16::MAX)]
    TooMany,
}

/// All keys, for messages.
const KEYS: &str = "category, alias, within, part-of, domain, host, sni, certificate, alpn, address, port or shape";

/// All shapes, for messages.
fn shapes() -> String {
    // Not `join`: over an array that the compiler sees through, it keeps the optimiser busy for minutes.
    let mut text = String::new();
    for shape in Shape::ALL {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(shape.as_str());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::grammar::Key;

    #[test]
    fn every_key_is_told() {
        let told: Vec<_> = KEYS
            .split(", ")
            .flat_map(|keys| keys.split(" or "))
            .collect();
        assert_eq!(told, Key::ALL.map(Key::as_str));
    }
}
