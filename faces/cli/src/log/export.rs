//! `mickai log export`: which records, which values, in which form, where to.

use crate::answer::{exported_json, exported_text};
use crate::args::{ExportForm, Range};
use crate::failure::Failure;
use crate::out::{Out, remark};
use mickai_runtime::{Form, Open, Selection, System, when};
use std::path::Path;

pub fn export(system: &System, path: &Path, form: ExportForm, open: &[String], (range, is_settled): (&Range, bool), out: Out) -> Result<u8, Failure> {
    let selection = if is_settled { Selection::Settled } else { selection(system, range)? };
    let exported = system.export(form.into(), &selection, &Open::parse(open)?, path, None)?;
    out.object(&exported_json(&exported), || exported_text(&exported))?;
    if !system.home().recovery_is_offline() {
        remark("the recovery key is not yet offline: `mickai key recovery export PATH` moves it to another place");
    }
    Ok(0)
}

impl From<ExportForm> for Form {
    fn from(form: ExportForm) -> Self {
        match form {
            ExportForm::Bundle => Self::Bundle,
            ExportForm::Tiles => Self::Tiles,
            ExportForm::Receipt => Self::Receipt,
            ExportForm::Jsonl => Self::JsonLines,
            ExportForm::Dsse => Self::Statement,
        }
    }
}

fn selection(system: &System, range: &Range) -> Result<Selection, Failure> {
    if let Some(wanted) = &range.record {
        return Ok(Selection::One(system.resolve_record(wanted, None)?));
    }
    if let Some(text) = &range.range {
        let bad = || Failure::Value { flag: "--range", value: text.clone(), wanted: "FIRST-LAST, as 3-17" };
        let (first, last) = text.split_once('-').ok_or_else(bad)?;
        let (first, last): (u64, u64) = (first.trim().parse().map_err(|_| bad())?, last.trim().parse().map_err(|_| bad())?);
        return Ok(Selection::Range(first..last.checked_add(1).ok_or_else(bad)?));
    }
    if let Some(phrase) = &range.when {
        let range = when::resolve(phrase, &jiff::Zoned::now())?;
        remark(&range);
        return Ok(Selection::Range(system.records_within(&range, u64::MAX)?));
    }
    Ok(Selection::All)
}
