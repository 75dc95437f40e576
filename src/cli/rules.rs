//! The rules of a run and the applications that they may name, from flags and files: read once, checked before anything is opened.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::{GivenRule, apps, input};
use crate::catalogue::Catalogue;
use crate::rules::{self, RuleSet, RuleSetBuilder};

/// What a run goes by.
pub(super) struct Given {
    pub(super) catalogue: Catalogue,
    pub(super) rules: RuleSet,
}

/// Compiles the rules in the order in which they were given.
///
/// * Applications of files of rules win over those of `apps`, and may be named by every rule, also by one before them.
pub(super) fn compile(apps: &[PathBuf], given: &[GivenRule]) -> Result<Given> {
    let mut builder = apps::builder(apps)?;
    let mut files = Vec::new();
    for rule in given {
        let GivenRule::File(path) = rule else {
            continue;
        };
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the rules file {}", input::shown(path)))?;
        let path = path.display().to_string();
        if let Some(text) = rules::applications(&bytes) {
            builder = builder.file(&path, text.as_bytes())?;
        }
        files.push((path, bytes));
    }
    let catalogue = builder.build();
    let mut rules = RuleSetBuilder::new(&catalogue);
    let mut files = files.iter();
    for rule in given {
        let flag = rule.flag();
        match rule {
            GivenRule::Rule(what, text) => rules.add(*what, text, flag).context(flag)?,
            GivenRule::File(_) => {
                if let Some((path, bytes)) = files.next() {
                    rules.file(path, bytes)?;
                }
            }
        }
    }
    let rules = rules.build();
    Ok(Given { catalogue, rules })
}
