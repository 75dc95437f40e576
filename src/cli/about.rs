//! What the command line says of itself: completions for shells, and the manual page.

use std::io::{self, Write};

use anyhow::Result;
use clap::CommandFactory;
use clap::builder::Resettable;
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::{Args, Status};

/// Prints what completes the options in `shell`.
pub(super) fn completions(shell: Shell) -> Result<Status> {
    let mut command = Args::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    print(&script)
}

/// Prints the manual page, in roff.
pub(super) fn man() -> Result<Status> {
    print(&page()?)
}

fn page() -> io::Result<Vec<u8>> {
    let mut command = Args::command();
    let after = command.get_after_long_help().map(ToString::to_string);
    command = command.after_long_help(Resettable::Reset);
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    as_it_stands(&after.unwrap_or_default()).to_writer(&mut page)?;
    Ok(page)
}

/// Text with headings as sections of a page: a command in it that is filled and hyphenated cannot be copied.
fn as_it_stands(text: &str) -> Roff {
    let mut roff = Roff::new();
    for line in text.lines() {
        match line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            Some(heading) => {
                // Headings are filled.
                roff.control("fi", []);
                roff.control("SH", [heading.to_uppercase().as_str()]);
                roff.control("nf", []);
            }
            None => {
                roff.text([roman(line)]);
            }
        }
    }
    roff.control("fi", []);
    roff
}

/// Not straight to standard output: a closed pipe must not end in a panic of the generators.
fn print(bytes: &[u8]) -> Result<Status> {
    io::stdout().lock().write_all(bytes)?;
    Ok(Status::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_stand_in_the_page_as_they_are_typed() {
        let page = String::from_utf8(page().unwrap()).unwrap();
        let (_, examples) = page.split_once(".SH EXAMPLES\n.nf\n").unwrap();
        let (examples, statuses) = examples
            .split_once(".fi\n.SH \"EXIT STATUS\"\n.nf\n")
            .unwrap();
        assert!(
            examples.contains(
                "\n    dpi_engine capture.pcap filtered.pcap \\-\\-rules rules.example.txt\n"
            ),
            "{examples}"
        );
        assert!(
            statuses.contains("\n  2  wrong usage, or a bad rule\n"),
            "{statuses}"
        );
        assert!(!page.contains("EXTRA"));
    }
}
