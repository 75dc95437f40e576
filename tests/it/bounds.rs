//! Captures made to fill memory, in sizes that a test has time for: `examples/bounds` runs them in full.
#![cfg(target_os = "linux")]

use crate::hostile;
use crate::measure::measure;
use crate::program::dpi_engine;

/// Most memory that any of these may take, in MiB: a tenth of what a run without bounds would need for some.
const LIMIT_MIB: f64 = 128.0;

#[test]
fn no_capture_makes_a_run_hold_more_than_it_may() {
    for hostile in hostile::ALL {
        assert!(hostile.scaled < hostile.full, "{}", hostile.name);
        let mut run = dpi_engine(["-", "/dev/null", "--dropped", "/dev/null", "--quiet"]);
        run.args(["--json", "/dev/null", "--flows", "/dev/null"]);
        // The smallest table, so that flows are driven out of it.
        run.args(["--block-app", "YouTube", "--max-flows", "64"]);
        let measured = measure(run, |out| (hostile.write)(hostile.scaled, out)).unwrap();
        assert_eq!(measured.status, Some(hostile.status), "{}", hostile.name);
        let peak = measured.peak_mib;
        assert!(
            (1.0..LIMIT_MIB).contains(&peak),
            "{}: {peak} MiB",
            hostile.name
        );
    }
}
