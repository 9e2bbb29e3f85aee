use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use filbert_binder::{BindContext, BinderCatalog, bind_insert, bind_query};
use filbert_catalog::ManagerError;
use filbert_connector_api::CatalogObject;
use filbert_functions::{ExprContext, FunctionRegistry};
use filbert_graph::JobGraph;
use filbert_planner::{ExplainDetail, PlanError, PlanTarget, Planned, Planner, PlannerContext};
use filbert_sql::Statement;
use filbert_types::schema::PrimaryKey;
use filbert_types::{CatalogTable, Configuration, ObjectPath, ResolvedSchema, WatermarkSpec};

use crate::connector;

/// A session over a few tables of the test connector.
pub struct Session {
    tables: BTreeMap<String, CatalogTable>,
    functions: FunctionRegistry,
    configuration: Configuration,
}

impl BinderCatalog for Session {
    fn qualify(&self, parts: &[String]) -> Result<ObjectPath, ManagerError> {
        match parts {
            [o] => Ok(ObjectPath::new("default_catalog", "default_database", o)),
            _ => Err(ManagerError::BadName(parts.join("."))),
        }
    }

    fn resolve(&self, path: &ObjectPath) -> Result<Option<CatalogObject>, ManagerError> {
        Ok(self
            .tables
            .get(&path.object)
            .cloned()
            .map(CatalogObject::Table))
    }

    fn neighbours(&self, _path: &ObjectPath) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }
}

impl Session {
    /// `t` sends inserts, `a` too with a rowtime, `c` any change; `o_ins`, `o_all`, `o_ups` take what they are called by.
    pub fn new() -> Session {
        let session = Session {
            tables: BTreeMap::new(),
            functions: FunctionRegistry::new(),
            configuration: Configuration::default(),
        };
        let mut session = session
            .table("t", "id INT, k STRING, v INT", &[])
            .table("a", "id INT, k STRING, v INT, rt TIMESTAMP(3)", &[])
            .table("c", "id INT, k STRING, v INT", &[("changelog", "all")])
            .table("plain", "id INT, k STRING, v INT", &[("pushdown", "false")])
            .table("days", "id INT, d STRING", &[])
            .table("o_ins", "k STRING, n BIGINT", &[])
            .table("o_all", "k STRING, n BIGINT", &[("changelog", "all")])
            .table("o_ups", "k STRING, n BIGINT", &[("changelog", "upsert")]);
        session.key("o_ups", "k");
        session.key("c", "id");
        session.edit("days").partition_keys = vec!["d".to_owned()];
        session.edit("a").schema.watermark = Some(WatermarkSpec {
            column: vec!["rt".to_owned()],
            expression: "rt - INTERVAL '5' SECOND".to_owned(),
        });
        session
    }

    pub fn table(mut self, name: &str, columns: &str, options: &[(&str, &str)]) -> Session {
        let row = filbert_sql::parse_type(&format!("ROW<{columns}>")).unwrap();
        let filbert_types::TypeKind::Row(fields) = row.kind else {
            panic!("a row");
        };
        let options = [("connector", "test")].iter().chain(options);
        let table = CatalogTable {
            schema: ResolvedSchema::physical(fields.into_iter().map(|f| (f.name, f.ty))),
            options: options
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            ..CatalogTable::default()
        };
        self.tables.insert(name.to_owned(), table);
        self
    }

    fn key(&mut self, table: &str, column: &str) {
        let schema = &mut self.edit(table).schema;
        for c in schema.columns.iter_mut().filter(|c| c.name == column) {
            c.ty.nullable = false;
        }
        schema.primary_key = Some(PrimaryKey {
            name: "pk".to_owned(),
            columns: vec![column.to_owned()],
        });
    }

    fn edit(&mut self, table: &str) -> &mut CatalogTable {
        self.tables.get_mut(table).unwrap()
    }

    pub fn set(mut self, key: &str, value: &str) -> Session {
        self.configuration.set(key, value);
        self
    }

    /// The tables of TPC-H.
    pub fn tpch(self) -> Session {
        self.table("part", "p_partkey BIGINT, p_name STRING, p_mfgr STRING, p_brand STRING, p_type STRING, p_size INT, p_container STRING, p_retailprice DECIMAL(15, 2), p_comment STRING", &[])
            .table("supplier", "s_suppkey BIGINT, s_name STRING, s_address STRING, s_nationkey BIGINT, s_phone STRING, s_acctbal DECIMAL(15, 2), s_comment STRING", &[])
            .table("partsupp", "ps_partkey BIGINT, ps_suppkey BIGINT, ps_availqty INT, ps_supplycost DECIMAL(15, 2), ps_comment STRING", &[])
            .table("customer", "c_custkey BIGINT, c_name STRING, c_address STRING, c_nationkey BIGINT, c_phone STRING, c_acctbal DECIMAL(15, 2), c_mktsegment STRING, c_comment STRING", &[])
            .table("orders", "o_orderkey BIGINT, o_custkey BIGINT, o_orderstatus STRING, o_totalprice DECIMAL(15, 2), o_orderdate DATE, o_orderpriority STRING, o_clerk STRING, o_shippriority INT, o_comment STRING", &[])
            .table("lineitem", "l_orderkey BIGINT, l_partkey BIGINT, l_suppkey BIGINT, l_linenumber INT, l_quantity DECIMAL(15, 2), l_extendedprice DECIMAL(15, 2), l_discount DECIMAL(15, 2), l_tax DECIMAL(15, 2), l_returnflag STRING, l_linestatus STRING, l_shipdate DATE, l_commitdate DATE, l_receiptdate DATE, l_shipinstruct STRING, l_shipmode STRING, l_comment STRING", &[])
            .table("nation", "n_nationkey BIGINT, n_name STRING, n_regionkey BIGINT, n_comment STRING", &[])
            .table("region", "r_regionkey BIGINT, r_name STRING, r_comment STRING", &[])
    }

    /// In batch mode, where `c` too sends inserts only.
    pub fn batch(mut self) -> Session {
        self.edit("c").options.shift_remove("changelog");
        self.set("execution.runtime-mode", "batch")
            .set("parallelism.default", "2")
    }

    fn exprs(&self) -> ExprContext {
        ExprContext {
            time_zone: filbert_types::TimeZone::UTC,
            batch: self.configuration.raw("execution.runtime-mode") == Some("batch"),
            legacy_cast: false,
            query_start_us: 0,
            current_database: "default_database".to_owned(),
        }
    }

    fn planner(&self) -> Planner {
        Planner::new(PlannerContext {
            files: filbert_planner::FileCache::new().unwrap(),
            connectors: Arc::new(connector::registry()),
            configuration: self.configuration.clone(),
            expr: self.exprs(),
            functions: Default::default(),
        })
    }

    /// SELECTs are collected; INSERTs go into their tables.
    fn targets(&self, sql: &str) -> Vec<PlanTarget> {
        let exprs = self.exprs();
        let cx = BindContext {
            catalog: self,
            functions: &self.functions,
            exprs: &exprs,
            dynamic_options: true,
        };
        if !sql.trim_start().starts_with("INSERT") {
            let query = filbert_sql::parse_query(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
            let query = bind_query(cx, &query).unwrap_or_else(|e| panic!("{sql}: {e}"));
            let result_id = "result".to_owned();
            return vec![PlanTarget::Collect { result_id, query }];
        }
        let statements =
            filbert_sql::parse_statements(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let inserts = statements.iter().map(|s| {
            let Statement::Insert(insert) = &s.statement else {
                panic!("{sql} is no INSERT");
            };
            let bound = bind_insert(cx, insert).unwrap_or_else(|e| panic!("{sql}: {e}"));
            PlanTarget::Insert(bound)
        });
        inserts.collect()
    }

    pub fn try_plan(&self, sql: &str) -> Result<Planned, PlanError> {
        self.planner().plan_with_texts(&self.targets(sql))
    }

    pub fn plan(&self, sql: &str) -> Planned {
        self.try_plan(sql).unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    pub fn error(&self, sql: &str) -> String {
        match self.try_plan(sql) {
            Ok(planned) => panic!("{sql} plans:\n{}", planned.texts.execution),
            Err(error) => error.to_string(),
        }
    }

    pub fn job(&self, sql: &str) -> JobGraph {
        let planned = self.plan(sql);
        let id = "0".repeat(32);
        planned
            .into_job_graph(id, "test".to_owned(), self.configuration.clone())
            .unwrap()
    }

    pub fn explain(&self, sql: &str, details: &[ExplainDetail]) -> String {
        let explained = self.planner().explain(&self.targets(sql), details);
        explained.unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// The plan as it runs with its changelogs, then the job's vertices and what crosses between them.
    pub fn shown(&self, sql: &str) -> String {
        let planned = self.plan(sql);
        let mut text = format!("{sql}\n\n{}\n", planned.texts.optimized);
        let job = self.job(sql);
        for (index, vertex) in job.vertices.iter().enumerate() {
            writeln!(text, "{} x{}", vertex.name, vertex.parallelism).unwrap();
            for edge in job.edges.iter().filter(|e| e.consumer == index) {
                let set = &job.data_sets[edge.data_set];
                let from = &job.vertices[set.producer].chain[set.operator].node.name;
                let how = match &edge.partitioner {
                    filbert_graph::Partitioner::Hash(columns) => format!("HASH{columns:?}"),
                    other => other.name().to_owned(),
                };
                writeln!(text, "  <- {from} {how}").unwrap();
            }
        }
        text
    }
}
