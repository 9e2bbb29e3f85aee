use std::collections::BTreeMap;

use filbert_binder::{BindContext, BindError, BinderCatalog, BoundInsert, BoundQuery};
use filbert_catalog::ManagerError;
use filbert_connector_api::{CatalogObject, CatalogView};
use filbert_functions::{ExprContext, FunctionRegistry};
use filbert_sql::Statement;
use filbert_types::{CatalogTable, ObjectPath, ResolvedSchema, WatermarkSpec};

/// A database of tables and views that are declared in a line each.
pub struct TestCatalog {
    objects: BTreeMap<String, CatalogObject>,
    functions: FunctionRegistry,
    exprs: ExprContext,
}

impl BinderCatalog for TestCatalog {
    fn qualify(&self, parts: &[String]) -> Result<ObjectPath, ManagerError> {
        match parts {
            [o] => Ok(ObjectPath::new("cat", "db", o)),
            [d, o] => Ok(ObjectPath::new("cat", d, o)),
            [c, d, o] => Ok(ObjectPath::new(c, d, o)),
            _ => Err(ManagerError::BadName(parts.join("."))),
        }
    }

    fn resolve(&self, path: &ObjectPath) -> Result<Option<CatalogObject>, ManagerError> {
        if path.catalog != "cat" || path.database != "db" {
            return Ok(None);
        }
        Ok(self.objects.get(&path.object).cloned())
    }

    fn neighbours(&self, _path: &ObjectPath) -> Vec<String> {
        self.objects.keys().cloned().collect()
    }
}

impl TestCatalog {
    pub fn streaming() -> TestCatalog {
        TestCatalog::new(false)
    }

    pub fn batch() -> TestCatalog {
        TestCatalog::new(true)
    }

    fn new(batch: bool) -> TestCatalog {
        let exprs = ExprContext {
            time_zone: filbert_types::TimeZone::UTC,
            batch,
            legacy_cast: false,
            query_start_us: 0,
            current_database: "db".to_string(),
        };
        let catalog = TestCatalog {
            objects: BTreeMap::new(),
            functions: FunctionRegistry::new(),
            exprs,
        };
        catalog
            .table("emp", "id INT NOT NULL, name STRING, dept STRING, salary DECIMAL(8, 2), boss INT")
            .table("dept", "dept STRING, level INT, head INT")
            .table("nested", "id INT, r ROW<x INT, y ROW<z STRING>>, tags ARRAY<STRING>, attrs MAP<STRING, INT>, items ARRAY<ROW<sku STRING, qty INT>>")
            .rowtime_table("clicks", "user_id INT, url STRING, ts TIMESTAMP(3)", "ts")
            .view("rich", "SELECT id, name AS who FROM `cat`.`db`.`emp` WHERE salary > 10", &["id", "who"])
    }

    pub fn table(mut self, name: &str, columns: &str) -> TestCatalog {
        let table = CatalogTable {
            schema: schema(columns),
            ..CatalogTable::default()
        };
        self.objects
            .insert(name.to_string(), CatalogObject::Table(table));
        self
    }

    fn rowtime_table(mut self, name: &str, columns: &str, rowtime: &str) -> TestCatalog {
        let mut schema = schema(columns);
        schema.watermark = Some(WatermarkSpec {
            column: vec![rowtime.to_string()],
            expression: format!("{rowtime} - INTERVAL '5' SECOND"),
        });
        let table = CatalogTable {
            schema,
            ..CatalogTable::default()
        };
        self.objects
            .insert(name.to_string(), CatalogObject::Table(table));
        self
    }

    fn view(mut self, name: &str, query: &str, columns: &[&str]) -> TestCatalog {
        let bound = self.bind(query).unwrap();
        let columns = columns
            .iter()
            .zip(&bound.output)
            .map(|(n, o)| (n.to_string(), o.ty.clone()));
        let view = CatalogView {
            schema: ResolvedSchema::physical(columns),
            comment: None,
            original_query: query.to_string(),
            expanded_query: query.to_string(),
        };
        self.objects
            .insert(name.to_string(), CatalogObject::View(view));
        self
    }

    pub fn context(&self) -> BindContext<'_> {
        BindContext {
            catalog: self,
            functions: &self.functions,
            exprs: &self.exprs,
            dynamic_options: true,
        }
    }

    pub fn bind(&self, sql: &str) -> Result<BoundQuery, BindError> {
        let query = filbert_sql::parse_query(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        filbert_binder::bind_query(self.context(), &query)
    }

    pub fn insert(&self, sql: &str) -> Result<BoundInsert, BindError> {
        let statements =
            filbert_sql::parse_statements(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let Statement::Insert(insert) = &statements[0].statement else {
            panic!("{sql} is no INSERT");
        };
        filbert_binder::bind_insert(self.context(), insert)
    }

    pub fn statement(&self, sql: &str) -> Statement {
        filbert_sql::parse_statements(sql)
            .unwrap_or_else(|e| panic!("{sql}: {e}"))
            .remove(0)
            .statement
    }

    /// Adds the table that a CREATE TABLE declares.
    pub fn create(mut self, sql: &str) -> TestCatalog {
        let Statement::CreateTable(create) = self.statement(sql) else {
            panic!("{sql} is no CREATE TABLE");
        };
        let table = filbert_binder::ddl::resolve_table(self.context(), &create)
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
        let name = create.name.parts[0].value.clone();
        self.objects.insert(name, CatalogObject::Table(table));
        self
    }

    /// Adds the view that a CREATE VIEW declares.
    pub fn create_view(mut self, sql: &str) -> TestCatalog {
        let Statement::CreateView(create) = self.statement(sql) else {
            panic!("{sql} is no CREATE VIEW");
        };
        let view =
            filbert_binder::ddl::resolve_view(self.context(), &create.query, &create.columns, None)
                .unwrap_or_else(|e| panic!("{sql}: {e}"));
        let name = create.name.parts[0].value.clone();
        self.objects.insert(name, CatalogObject::View(view));
        self
    }

    pub fn object(&self, name: &str) -> &CatalogObject {
        &self.objects[name]
    }

    pub fn table_error(&self, sql: &str) -> String {
        let Statement::CreateTable(create) = self.statement(sql) else {
            panic!("{sql} is no CREATE TABLE");
        };
        shown(
            sql,
            filbert_binder::ddl::resolve_table(self.context(), &create).map(|_| ()),
        )
    }

    /// The schema after an ALTER TABLE, or the error.
    pub fn alter(&self, sql: &str) -> String {
        let Statement::AlterTable(alter) = self.statement(sql) else {
            panic!("{sql} is no ALTER TABLE");
        };
        let CatalogObject::Table(table) = &self.objects[&alter.name.parts[0].value] else {
            panic!("{sql} alters no table");
        };
        match filbert_binder::ddl::alter_schema(self.context(), table, &alter.action) {
            Ok(table) => described(&table.unwrap()),
            Err(error) => shown(sql, Err(error)),
        }
    }

    /// The output columns with their types, then the plan.
    pub fn plan(&self, sql: &str) -> String {
        let bound = self.bind(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        format!("{}\n{}", output(&bound), bound.plan.display_indent())
    }

    pub fn types(&self, sql: &str) -> String {
        output(&self.bind(sql).unwrap_or_else(|e| panic!("{sql}: {e}")))
    }

    /// The error with its place.
    pub fn error(&self, sql: &str) -> String {
        shown(sql, self.bind(sql).map(|_| ()))
    }

    pub fn insert_error(&self, sql: &str) -> String {
        shown(sql, self.insert(sql).map(|_| ()))
    }
}

fn shown(sql: &str, result: Result<(), BindError>) -> String {
    let error = result.err().unwrap_or_else(|| panic!("{sql} binds"));
    let marked = error.span.map_or_else(String::new, |span| {
        let line = sql.lines().nth(span.start.line as usize - 1).unwrap();
        let end = if span.end.line == span.start.line {
            span.end.column
        } else {
            line.len() as u64 + 1
        };
        let text: String = line
            .chars()
            .skip(span.start.column as usize - 1)
            .take((end - span.start.column) as usize)
            .collect();
        format!("[{text}] ")
    });
    format!("{marked}{error}")
}

fn output(bound: &BoundQuery) -> String {
    for (column, field) in bound.output.iter().zip(bound.plan.schema().columns()) {
        assert_eq!(column.column, field, "the plan's columns are the output's");
        assert!(
            bound.types.get(&column.column).is_some(),
            "{} has a type",
            column.column
        );
    }
    for (column, field) in bound.output.iter().zip(bound.plan.schema().fields()) {
        assert_eq!(column.ty.arrow(), *field.data_type(), "{}", column.name);
    }
    let columns: Vec<String> = bound
        .output
        .iter()
        .map(|c| format!("{} {}", c.name, c.ty))
        .collect();
    columns.join(", ")
}

fn schema(columns: &str) -> ResolvedSchema {
    let row = filbert_sql::parse_type(&format!("ROW<{columns}>")).unwrap();
    let filbert_types::TypeKind::Row(fields) = row.kind else {
        panic!("a row");
    };
    ResolvedSchema::physical(fields.into_iter().map(|f| (f.name, f.ty)))
}

/// A table's columns, watermark, key, partitions and options, a line each.
pub fn described(table: &CatalogTable) -> String {
    let mut lines: Vec<String> = table
        .schema
        .columns
        .iter()
        .map(|c| match &c.kind {
            filbert_types::ColumnKind::Computed { expression } => {
                format!("{} {} AS {expression}", c.name, c.ty)
            }
            filbert_types::ColumnKind::Metadata { key, .. } => {
                format!("{} {} METADATA {key:?}", c.name, c.ty)
            }
            filbert_types::ColumnKind::Physical => format!("{} {}", c.name, c.ty),
        })
        .collect();
    if let Some(watermark) = &table.schema.watermark {
        lines.push(format!(
            "WATERMARK {:?} AS {}",
            watermark.column, watermark.expression
        ));
    }
    if let Some(key) = &table.schema.primary_key {
        lines.push(format!("KEY {} {:?}", key.name, key.columns));
    }
    if !table.partition_keys.is_empty() {
        lines.push(format!("PARTITIONED {:?}", table.partition_keys));
    }
    if !table.options.is_empty() {
        lines.push(format!("WITH {:?}", table.options));
    }
    lines.join("\n")
}
