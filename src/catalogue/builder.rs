//! Catalogues made of several texts, of which the later ones add to the earlier ones and win over them.

use std::collections::btree_map::Entry;

use super::signs::{Claims, Owner, Sign};
use super::{
    App, AppId, AppsFileError, BUILTIN, Catalogue, CatalogueError, CategoryId, Fault, Target,
    grammar, plain,
};
use crate::ini;

/// Collects the texts of a catalogue.
///
/// * A section with the name or an alias of an application of an earlier text adds to that application.
/// * A domain, address or other sign that an earlier text gave to an application goes to the later one's. So does an alias.
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
        Self::empty().text(BUILTIN)
    }

    /// Adds what `text` says.
    ///
    /// # Errors
    /// [`CatalogueError`] names line and column, what was found and what was expected.
    pub fn text(mut self, text: &str) -> Result<Self, CatalogueError> {
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
        if let Some(Target::App(id)) = self.catalogue.by_typed_name.get(&plain(name))
            && let Some(last) = self.last_texts.get_mut(usize::from(id.0))
            && *last < self.text
        {
            *last = self.text;
            return Ok(*id);
        }
        let id = u16::try_from(self.catalogue.apps.len()).map_err(|_| Fault::TooMany)?;
        self.enter_name(name, Target::App(AppId(id)))?;
        self.catalogue.apps.push(App {
            name: name.into(),
            category: CategoryId::UNKNOWN,
            aliases: Vec::new(),
            within: Vec::new(),
            signs: Vec::new(),
        });
        self.last_texts.push(self.text);
        Ok(AppId(id))
    }

    pub(super) fn app(&self, id: AppId) -> Option<&App> {
        self.catalogue.app(id)
    }

    pub(super) fn set_category(&mut self, id: AppId, name: &str) -> Result<(), Fault> {
        let category = match self.catalogue.by_typed_name.get(&plain(name)) {
            Some(Target::Category(category)) => *category,
            _ => {
                let count = self.catalogue.categories.len();
                let category = CategoryId(u16::try_from(count).map_err(|_| Fault::TooMany)?);
                self.enter_name(name, Target::Category(category))?;
                self.catalogue.categories.push(name.into());
                category
            }
        };
        if let Some(app) = self.app_mut(id) {
            app.category = category;
        }
        Ok(())
    }

    pub(super) fn add_alias(&mut self, id: AppId, name: &str) -> Result<(), Fault> {
        self.release_alias(name);
        self.enter_name(name, Target::App(id))?;
        if let Some(app) = self.app_mut(id) {
            app.aliases.push(name.into());
        }
        Ok(())
    }

    /// Notes that an application takes names out of the domains of the one that is called `other`.
    pub(super) fn add_within(&mut self, id: AppId, other: &str) -> Result<(), Fault> {
        match self.catalogue.by_typed_name.get(&plain(other)) {
            Some(Target::App(around)) if *around != id => {
                let around = *around;
                if let Some(app) = self.app_mut(id) {
                    app.within.push(around);
                }
                Ok(())
            }
            _ => Err(Fault::NoApp(other.to_owned())),
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

    /// Makes `name` free if it is an alias in an earlier text.
    fn release_alias(&mut self, name: &str) {
        let wanted = plain(name);
        let Some(Target::App(id)) = self.catalogue.by_typed_name.get(&wanted).copied() else {
            return;
        };
        let is_old = self.last_texts.get(usize::from(id.0)) < Some(&self.text);
        let Some(app) = self.app_mut(id).filter(|_| is_old) else {
            return;
        };
        if plain(&app.name) != wanted {
            app.aliases.retain(|alias| plain(alias) != wanted);
            self.catalogue.by_typed_name.remove(&wanted);
        }
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
