//! The program: reads the command line, runs it, and says how it went.

use std::process::ExitCode;

fn main() -> ExitCode {
    dpi_engine::cli::main()
}
