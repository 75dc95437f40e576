//! Catalogues made of several texts, of which the later ones add to the earlier ones and win over them.

use std::collections::hash_map::Entry;

use super::signs::{Claims, Owner, Sign};
use super::{
    App, AppId, AppsFileError, Catalogue, CatalogueError, CategoryId, Fault, Target, builtin,
    grammar, plain,
};
use crate::ini;

/// Bytes of a text for each name that people may type, about: those of a section.
const BYTES_PER_NAME: usize = 96;

/// Bytes of a text for each step to a domain, about: most domains take one or two of their own.
const BYTES_PER_STEP: usize = 16;

/// Signs for which an application has room from the start.
const USUAL_SIGNS: usize = 6;

/// Collects the texts of a catalogue.
///
/// * A section with the name or an alias of an application of an earlier text adds to that application.
/// * A domain, address or other sign that an earlier text gave to an application goes to the later one's. So does an alias,
///   and so does what else a protocol is called.
/// * Within a text nothing stands twice.
#[derive(Debug, Clone)]
pub struct CatalogueBuilder {
    /// Its signs stay empty until the end.
    catalogue: Catalogue,
    claims: Claims,
    /// [`AppId`] is the place here: the number of the last text that has a section for it.
    last_texts: Vec<u16>,
    /// Number of the text that is being read.
    text: u16,
}

impl CatalogueBuilder {
    /// No applications yet.
    pub fn empty() -> Self {
        Self {
            catalogue: Catalogue::without_apps(),
            claims: Claims::default(),
            last_texts: Vec::new(),
            text: 0,
        }
    }

    /// The applications that are compiled in.
    ///
    /// # Errors
    /// As for [`Catalogue::builtin`].
    pub fn builtin() -> Result<Self, CatalogueError> {
        Self::empty().text(builtin::TEXT)
    }

    /// Adds what `text` says.
    ///
    /// # Errors
    /// [`CatalogueError`] names line and column, what was found and what was expected.
    pub fn text(mut self, text: &str) -> Result<Self, CatalogueError> {
        self.reserve(text.len());
        grammar::read(text, &mut self)?;
        self.text = self.text.saturating_add(1);
        Ok(self)
    }

    /// Adds what a user's file says.
    ///
    /// * `path`: as messages show it.
    ///
    /// # Errors
    /// [`AppsFileError`] names the file besides.
    pub fn file(self, path: &str, bytes: &[u8]) -> Result<Self, AppsFileError> {
        let text = ini::decode(bytes).map_err(|fault| CatalogueError {
            at: fault.at,
            fault: fault.into(),
        });
        text.and_then(|text| self.text(text))
            .map_err(|error| AppsFileError {
                path: path.to_owned(),
                error,
            })
    }

    /// The catalogue.
    pub fn build(self) -> Catalogue {
        Catalogue {
            signs: self.claims.build(),
            ..self.catalogue
        }
    }

    /// The application of a section that is called `name`, new or of an earlier text.
    pub(super) fn open(&mut self, name: &str) -> Result<AppId, Fault> {
        let plain = plain(name);
        if let Some(Target::App(id)) = self.catalogue.by_typed_name.get(&plain)
            && let Some(last) = self.last_texts.get_mut(usize::from(id.0))
            && *last < self.text
        {
            *last = self.text;
            return Ok(*id);
        }
        let id = u16::try_from(self.catalogue.apps.len()).map_err(|_| Fault::TooMany)?;
        self.enter_name(name, plain, Target::App(AppId(id)))?;
        self.catalogue.apps.push(App {
            name: name.into(),
            category: CategoryId::UNKNOWN,
            aliases: Vec::new(),
            within: Vec::new(),
            wholes: Vec::new(),
            signs: Vec::with_capacity(USUAL_SIGNS),
        });
        self.last_texts.push(self.text);
        Ok(AppId(id))
    }

    /// Makes room for what a text of so many bytes tells as a rule, so that no table has to grow again and again.
    fn reserve(&mut self, text_len: usize) {
        let names = text_len / BYTES_PER_NAME;
        self.catalogue.by_typed_name.reserve(names);
        self.catalogue.apps.reserve(names);
        self.last_texts.reserve(names);
        self.claims.reserve(text_len / BYTES_PER_STEP);
    }

    pub(super) fn app(&self, id: AppId) -> Option<&App> {
        self.catalogue.app(id)
    }

    pub(super) fn set_category(&mut self, id: AppId, name: &str) -> Result<(), Fault> {
        let category = self.category(name)?;
        if let Some(app) = self.app_mut(id) {
            app.category = category;
        }
        Ok(())
    }

    /// The category that is called `name`, new or known.
    fn category(&mut self, name: &str) -> Result<CategoryId, Fault> {
        let categories = &self.catalogue.categories;
        let next = u16::try_from(categories.len()).map_err(|_| Fault::TooMany)?;
        // As a rule it is that of the section before, by the letter.
        if categories.last().is_some_and(|last| **last == *name) {
            return Ok(CategoryId(next.saturating_sub(1)));
        }
        let plain = plain(name);
        if let Some(Target::Category(known)) = self.catalogue.by_typed_name.get(&plain) {
            return Ok(*known);
        }
        self.enter_name(name, plain, Target::Category(CategoryId(next)))?;
        self.catalogue.categories.push(name.into());
        Ok(CategoryId(next))
    }

    pub(super) fn add_alias(&mut self, id: AppId, name: &str) -> Result<(), Fault> {
        let plain = plain(name);
        self.release_alias(&plain);
        self.enter_name(name, plain, Target::App(id))?;
        if let Some(app) = self.app_mut(id) {
            app.aliases.push(name.into());
        }
        Ok(())
    }

    /// Notes that an application takes names out of the domains of the one that is called `other`.
    pub(super) fn add_within(&mut self, id: AppId, other: &str) -> Result<(), Fault> {
        let around = self.other(id, other)?;
        if let Some(app) = self.app_mut(id) {
            app.within.push(around);
        }
        Ok(())
    }

    /// Notes that an application is a part of the one that is called `other`.
    pub(super) fn add_whole(&mut self, id: AppId, other: &str) -> Result<(), Fault> {
        let whole = self.other(id, other)?;
        if self.catalogue.wholes(whole).contains(&id) {
            return Err(Fault::PartOfPart(other.to_owned()));
        }
        if let Some(app) = self.app_mut(id)
            && !app.wholes.contains(&whole)
        {
            app.wholes.push(whole);
        }
        Ok(())
    }

    /// The application that is called `name`, which must not be `id` itself.
    fn other(&self, id: AppId, name: &str) -> Result<AppId, Fault> {
        match self.catalogue.by_typed_name.get(&plain(name)) {
            Some(Target::App(other)) if *other != id => Ok(*other),
            _ => Err(Fault::NoApp(name.to_owned())),
        }
    }

    /// Gives a sign to an application, taking it from one of an earlier text.
    ///
    /// * `shown`: the sign as it was written.
    pub(super) fn add_sign(&mut self, id: AppId, sign: Sign, shown: &str) -> Result<(), Fault> {
        let owner = Owner {
            app: id,
            text: self.text,
        };
        if let Some(before) = self.claims.claim(&sign, owner) {
            if before.text == self.text {
                return Err(Fault::SignTaken {
                    sign: ini::shown(shown),
                    app: self.name(before.app),
                });
            }
            if let Some(app) = self.app_mut(before.app) {
                app.signs.retain(|other| *other != sign);
            }
        }
        if let Some(app) = self.app_mut(id) {
            app.signs.push(sign);
        }
        Ok(())
    }

    fn name(&self, id: AppId) -> String {
        self.app(id)
            .map(|app| app.name.to_string())
            .unwrap_or_default()
    }

    fn app_mut(&mut self, id: AppId) -> Option<&mut App> {
        self.catalogue.apps.get_mut(usize::from(id.0))
    }

    /// Makes a name, in its plain form, free if it is an alias in an earlier text.
    fn release_alias(&mut self, wanted: &str) {
        let Some(Target::App(id)) = self.catalogue.by_typed_name.get(wanted).copied() else {
            return;
        };
        let is_old = self.last_texts.get(usize::from(id.0)) < Some(&self.text);
        let Some(app) = self.app_mut(id).filter(|_| is_old) else {
            return;
        };
        if plain(&app.name) != wanted {
            app.aliases.retain(|alias| plain(alias) != wanted);
            self.catalogue.by_typed_name.remove(wanted);
        }
    }

    /// Lets people say `name`, which is `plain` in its plain form, when they mean `target`.
    fn enter_name(&mut self, name: &str, plain: String, target: Target) -> Result<(), Fault> {
        if plain.is_empty() || name.contains(char::is_control) {
            return Err(Fault::NoName(name.to_owned()));
        }
        match self.catalogue.by_typed_name.entry(plain) {
            Entry::Vacant(free) => {
                free.insert(target);
                Ok(())
            }
            // People's own words go before what else a protocol is called: more is called so with every version.
            Entry::Occupied(mut taken) if is_protocol_alias(taken.key(), *taken.get()) => {
                taken.insert(target);
                Ok(())
            }
            Entry::Occupied(_) => Err(Fault::NameTaken(name.to_owned())),
        }
    }
}

/// Whether this name, in its plain form, is another than the protocol's own.
fn is_protocol_alias(name: &str, target: Target) -> bool {
    matches!(target, Target::Protocol(protocol) if plain(protocol.as_str()) != name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Protocol;

    const BASE: &str = "[A]\ncategory = One\nalias = first, aa\ndomain = a.example shared.example\naddress = 10.0.0.0/8\n\
        port = 100-200/udp\n[B]\ncategory = Two\nalias = second\ndomain = b.example\n";

    fn over(text: &str) -> Catalogue {
        let base = CatalogueBuilder::empty().text(BASE).unwrap();
        base.text(text).unwrap().build()
    }

    fn refused(text: &str) -> Fault {
        let base = CatalogueBuilder::empty().text(BASE).unwrap();
        base.text(text).unwrap_err().fault
    }

    fn owner<'a>(catalogue: &'a Catalogue, name: &str) -> Option<&'a str> {
        let id = catalogue.by_name(name)?;
        Some(&catalogue.app(id).unwrap().name)
    }

    #[test]
    fn a_section_with_a_known_name_or_alias_adds_to_that_application() {
        for name in ["a", "A", "First"] {
            let catalogue = over(&format!("[{name}]\ndomain = more.example\nalias = third\n"));
            assert_eq!(owner(&catalogue, "x.more.example"), Some("A"));
            assert_eq!(owner(&catalogue, "a.example"), Some("A"));
            assert_eq!(catalogue.resolve("third"), Ok(Target::App(AppId(0))));
            assert_eq!(catalogue.apps().count(), 2);
        }
    }

    #[test]
    fn a_later_text_gives_a_new_category() {
        let catalogue = over("[A]\ncategory = Two\n");
        let app = catalogue.app(AppId(0)).unwrap();
        assert_eq!(catalogue.category(app.category), Some("Two"));
    }

    #[test]
    fn what_a_later_text_claims_moves() {
        let catalogue = over(
            "[C]\ncategory = Mine\nalias = aa\ndomain = shared.example\naddress = 10.0.0.0/8\nport = 100-200/udp\n",
        );
        assert_eq!(owner(&catalogue, "shared.example"), Some("C"));
        assert_eq!(owner(&catalogue, "a.example"), Some("A"));
        let c = Some(AppId(2));
        assert_eq!(catalogue.by_address([10, 1, 2, 3].into()), c);
        assert_eq!(catalogue.by_port(crate::packet::IpProtocol::UDP, 150), c);
        assert_eq!(catalogue.resolve("aa"), Ok(Target::App(AppId(2))));
        let a = catalogue.app(AppId(0)).unwrap();
        assert_eq!(a.aliases, ["first".into()]);
        assert_eq!(a.signs.len(), 1);
    }

    #[test]
    fn the_last_of_many_texts_wins() {
        let builder = CatalogueBuilder::empty().text(BASE).unwrap();
        let builder = builder
            .text("[C]\ncategory = Mine\ndomain = a.example\n")
            .unwrap();
        let catalogue = builder.text("[B]\ndomain = a.example\n").unwrap().build();
        assert_eq!(owner(&catalogue, "a.example"), Some("B"));
    }

    #[test]
    fn within_a_text_nothing_stands_twice() {
        let twice = |sign: &str| Fault::SignTaken {
            sign: sign.into(),
            app: "C".into(),
        };
        let start = "[C]\ncategory = Mine\ndomain = c.example\naddress = 10.1.0.0/16\nport = 7\n[D]\ncategory = Mine\n";
        for (line, sign) in [
            ("domain = C.example.", "C.example."),
            ("address = 10.1.2.3/16", "10.1.2.3/16"),
            ("port = 7/tcp", "7/tcp"),
        ] {
            assert_eq!(refused(&format!("{start}{line}\n")), twice(sign));
        }
        assert_eq!(refused("[A]\n[first]\n"), Fault::NameTaken("first".into()));
    }

    #[test]
    fn names_of_applications_do_not_move() {
        assert_eq!(
            refused("[C]\ncategory = Mine\nalias = B\ndomain = c.example\n"),
            Fault::NameTaken("B".into())
        );
        assert_eq!(refused("[One]\n"), Fault::NameTaken("One".into()));
    }

    #[test]
    fn what_else_a_protocol_is_called_is_free_for_whoever_wants_it() {
        let section = "\ncategory = Mine\ndomain = c.example\n";
        let c = Ok(Target::App(AppId(2)));
        assert_eq!(over(&format!("[Postgres]{section}")).resolve("postgres"), c);
        let catalogue = over(&format!("[C]{section}alias = SSL\n"));
        assert_eq!(catalogue.resolve("ssl"), c);
        let tls = Ok(Target::Protocol(Protocol::Tls));
        assert_eq!(catalogue.resolve("tls"), tls);
        let catalogue = over("[A]\ncategory = UPnP\n");
        assert!(matches!(catalogue.resolve("upnp"), Ok(Target::Category(_))));
        for taken in [
            format!("[TLS]{section}"),
            format!("[C]{section}alias = TLS\n"),
        ] {
            assert_eq!(refused(&taken), Fault::NameTaken("TLS".into()));
        }
        let twice = format!("[C]{section}alias = SSL\n[D]\ncategory = Mine\nalias = ssl\n");
        assert_eq!(refused(&twice), Fault::NameTaken("ssl".into()));
    }

    #[test]
    fn applications_are_found_within_one_another_wherever_they_stand() {
        let catalogue = over("[A]\nwithin = C, second\n[C]\ncategory = Mine\ndomain = c.example\n");
        let a = catalogue.app(AppId(0)).unwrap();
        assert_eq!(a.within, [AppId(2), AppId(1)]);
        for wrong in ["A", "nobody", "One", "TLS"] {
            assert_eq!(
                refused(&format!("[A]\nwithin = {wrong}\n")),
                Fault::NoApp(wrong.into())
            );
        }
    }

    #[test]
    fn parts_of_parts_are_parts_of_the_whole() {
        let catalogue = over(
            "[C]\ncategory = Mine\npart-of = B, second\ndomain = c.example\n[B]\npart-of = A\n",
        );
        let (a, b, c) = (AppId(0), AppId(1), AppId(2));
        assert_eq!(catalogue.wholes(c), [c, b, a]);
        assert_eq!(catalogue.wholes(b), [b, a]);
        assert_eq!(catalogue.wholes(a), [a]);
        for wrong in ["B", "nobody", "Two", "TLS"] {
            assert_eq!(
                refused(&format!("[B]\npart-of = {wrong}\n")),
                Fault::NoApp(wrong.into())
            );
        }
    }

    #[test]
    fn nothing_is_a_part_of_its_own_part() {
        assert_eq!(
            refused("[A]\npart-of = B\n[B]\npart-of = first\n"),
            Fault::PartOfPart("first".into())
        );
    }

    #[test]
    fn a_file_is_named_in_its_errors() {
        let error = |bytes: &[u8]| {
            let failed = CatalogueBuilder::empty().file("my\x1b.txt", bytes);
            failed.unwrap_err().to_string()
        };
        assert_eq!(
            error(b"[A]\ncategory = C\nport = 70000"),
            "my\\u{1b}.txt:3:8: '70000' is no port, expected a number from 1 to 65535 or a range such as 6881-6889"
        );
        assert_eq!(
            error(b"[A]\n\xff"),
            "my\\u{1b}.txt:2:1: found the byte 0xff, expected text in UTF-8"
        );
    }
}
