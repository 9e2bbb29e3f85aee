//! Writes TPC-H's tables as Parquet files: `tpch-data FOLDER [SCALE_FACTOR]`, one folder a table.

use std::fs::{self, File};
use std::path::Path;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow,
    RecordBatchIterator, RegionArrow, SupplierArrow,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Rows of a Parquet row group, as DataFusion's own benchmark data has them.
const ROW_GROUP_ROWS: usize = 1 << 20;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let folder = args
        .next()
        .ok_or("usage: tpch-data FOLDER [SCALE_FACTOR]")?;
    let scale: f64 = args.next().as_deref().unwrap_or("1").parse()?;
    let folder = Path::new(&folder);
    write(
        folder,
        "lineitem",
        LineItemArrow::new(LineItemGenerator::new(scale, 1, 1)),
    )?;
    write(
        folder,
        "orders",
        OrderArrow::new(OrderGenerator::new(scale, 1, 1)),
    )?;
    write(
        folder,
        "customer",
        CustomerArrow::new(CustomerGenerator::new(scale, 1, 1)),
    )?;
    write(
        folder,
        "part",
        PartArrow::new(PartGenerator::new(scale, 1, 1)),
    )?;
    write(
        folder,
        "partsupp",
        PartSuppArrow::new(PartSuppGenerator::new(scale, 1, 1)),
    )?;
    write(
        folder,
        "supplier",
        SupplierArrow::new(SupplierGenerator::new(scale, 1, 1)),
    )?;
    write(
        folder,
        "nation",
        NationArrow::new(NationGenerator::new(scale, 1, 1)),
    )?;
    write(
        folder,
        "region",
        RegionArrow::new(RegionGenerator::new(scale, 1, 1)),
    )
}

fn write(folder: &Path, table: &str, batches: impl RecordBatchIterator) -> Result<()> {
    let folder = folder.join(table);
    fs::create_dir_all(&folder)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let file = File::create(folder.join(format!("{table}.parquet")))?;
    let mut writer = ArrowWriter::try_new(file, batches.schema().clone(), Some(properties))?;
    for batch in batches {
        writer.write(&batch)?;
    }
    writer.close()?;
    Ok(())
}
