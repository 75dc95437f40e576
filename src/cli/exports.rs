//! Flows for other programs: gathered as they end, and written to the files that were opened for them.

use std::env::temp_dir;

use anyhow::Result;

use super::Options;
use super::files::write_side;
use super::gathered::Labels;
use crate::flow::FlowSummary;
use crate::output::OutputFile;
use crate::report::{CsvFlows, EveEvents, FlowLinesError, ZeekLogs};

/// What is gathered, and where each of it goes.
pub(super) struct Exports {
    csv: Option<(OutputFile, CsvFlows)>,
    eve: Option<(OutputFile, EveEvents)>,
    zeek: Option<(Vec<OutputFile>, ZeekLogs)>,
}

impl Exports {
    /// Opens the files of those that are wanted.
    pub(super) fn create(options: &Options) -> Result<Self> {
        let create = |path: &_| OutputFile::create(path);
        let csv = options.csv.as_deref().map(create).transpose()?;
        let eve = options.eve.as_deref().map(create).transpose()?;
        let logs = options.zeek.iter().map(|path| create(path));
        let logs: Vec<_> = logs.collect::<Result<_, _>>()?;
        Ok(Self {
            csv: csv.map(|file| (file, CsvFlows::new(temp_dir()))),
            eve: eve.map(|file| (file, EveEvents::new(temp_dir()))),
            zeek: (!logs.is_empty()).then(|| (logs, ZeekLogs::new(temp_dir()))),
        })
    }

    /// Takes flows in.
    pub(super) fn push(
        &mut self,
        flows: &[FlowSummary],
        names: &Labels<'_>,
    ) -> Result<(), FlowLinesError> {
        if let Some((_, csv)) = &mut self.csv {
            flows.iter().try_for_each(|flow| csv.push(flow, names))?;
        }
        if let Some((_, eve)) = &mut self.eve {
            flows.iter().try_for_each(|flow| eve.push(flow, names))?;
        }
        if let Some((_, zeek)) = &mut self.zeek {
            flows.iter().try_for_each(|flow| zeek.push(flow))?;
        }
        Ok(())
    }

    /// Writes all, and gives back the files to be committed.
    pub(super) fn write(self) -> Result<Vec<OutputFile>> {
        let mut files = Vec::new();
        if let Some((file, csv)) = self.csv {
            let mut file = Some(file);
            write_side(&mut file, |out| Ok(csv.finish(out)?))?;
            files.extend(file);
        }
        if let Some((file, eve)) = self.eve {
            let mut file = Some(file);
            write_side(&mut file, |out| Ok(eve.finish(out)?))?;
            files.extend(file);
        }
        if let Some((mut logs, zeek)) = self.zeek {
            if let [conn, ssl, http, dns] = logs.as_mut_slice() {
                let [mut conn, mut ssl, mut http, mut dns] =
                    [conn, ssl, http, dns].map(OutputFile::buffered);
                zeek.finish([&mut conn, &mut ssl, &mut http, &mut dns])?;
            }
            files.extend(logs);
        }
        Ok(files)
    }
}
