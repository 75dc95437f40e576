//! The catalogue that a command works with: the built-in one, and what the user's files say.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::{ListedApp, Status, input, list_apps};
use crate::catalogue::{App, CatalogueBuilder, CategoryId, Target};
use crate::protocol::Protocol;

/// The built-in catalogue with the applications of `files`, the later ones winning over the earlier; to be added to.
pub(super) fn builder(files: &[PathBuf]) -> Result<CatalogueBuilder> {
    let mut builder = CatalogueBuilder::builtin().context("the built-in catalogue")?;
    for path in files {
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the applications file {}", input::shown(path)))?;
        builder = builder.file(&path.display().to_string(), &bytes)?;
    }
    Ok(builder)
}

/// Prints what rules may name.
pub(super) fn show(files: &[PathBuf]) -> Result<Status> {
    let catalogue = builder(files)?.build();
    let category = |id| catalogue.category(id).unwrap_or_default();
    let listed = |app: &'_ App| ListedApp {
        name: app.name.to_string(),
        aliases: app.aliases.iter().map(ToString::to_string).collect(),
        wholes: {
            let wholes = app.wholes.iter().filter_map(|id| catalogue.app(*id));
            wholes.map(|whole| whole.name.to_string()).collect()
        },
        signs: app.signs.iter().map(ToString::to_string).collect(),
    };
    let apps = catalogue
        .apps()
        .map(|(_, app)| (category(app.category), listed(app)));
    let protocols = Protocol::ALL.into_iter().map(|protocol| {
        let is_its = |alias: &&&str| catalogue.find(alias) == Some(Target::Protocol(protocol));
        let aliases = protocol.aliases().iter().filter(is_its);
        let listed = ListedApp {
            name: protocol.to_string(),
            aliases: aliases.map(ToString::to_string).collect(),
            ..ListedApp::default()
        };
        (category(CategoryId::PROTOCOLS), listed)
    });
    let all = list_apps(apps.chain(protocols));
    io::stdout().lock().write_all(all.as_bytes())?;
    Ok(Status::Done)
}
