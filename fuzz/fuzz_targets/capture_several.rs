#![cfg_attr(fuzzing, no_main)]

dpi_engine_fuzz::target!(dpi_engine_fuzz::several::several);
