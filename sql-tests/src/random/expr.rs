//! Random scalar expressions over a small table of typed columns.

use rand::Rng;
use rand::rngs::StdRng;

/// Two ordinary rows, one of edges, one of NULLs.
pub const TABLE: &str = "(VALUES \
    (0, 7, 3, 2.5e0, 1.25, 'Hello', 'a,b', TRUE, DATE '2024-02-29', TIMESTAMP '2024-02-29 12:34:56.789'), \
    (1, -2, 0, -0.5e0, -0.05, '', ' x ', FALSE, DATE '1969-12-31', TIMESTAMP '1969-12-31 23:59:59.999'), \
    (2, 2147483647, -2147483648, 1e10, 999.99, '日本😀', '12', TRUE, DATE '9999-12-31', TIMESTAMP '0001-01-01 00:00:00.000'), \
    (3, CAST(NULL AS INT), CAST(NULL AS INT), CAST(NULL AS DOUBLE), CAST(NULL AS DECIMAL(5, 2)), CAST(NULL AS STRING), \
     CAST(NULL AS STRING), CAST(NULL AS BOOLEAN), CAST(NULL AS DATE), CAST(NULL AS TIMESTAMP(3)))\
    ) AS t(id, i, j, d, m, s, u, p, da, ts)";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ty {
    Int,
    Double,
    Decimal,
    Text,
    Truth,
    Date,
    Timestamp,
}

/// What an expression of a type can be: `#I` stands for one of type INT, and so on.
#[expect(clippy::too_many_lines, reason = "a table")]
fn forms(ty: Ty) -> (&'static [&'static str], &'static [&'static str]) {
    match ty {
        Ty::Int => (
            &["i", "j", "id", "0", "3", "-1", "CAST(NULL AS INT)"],
            &[
                "(#I + #I)",
                "(#I - #I)",
                "(#I * #I)",
                "(#I / #I)",
                "(#I % #I)",
                "-#I",
                "ABS(#I)",
                "CHAR_LENGTH(#S)",
                "COALESCE(#I, #I)",
                "CASE WHEN #B THEN #I ELSE #I END",
                "NULLIF(#I, #I)",
                "IF(#B, #I, #I)",
                "TRY_CAST(#S AS INT)",
                "CAST(#D AS INT)",
                "CAST(#M AS INT)",
                "POSITION(#S IN #S)",
                "GREATEST(#I, #I)",
                "LEAST(#I, #I, #I)",
                "CAST(EXTRACT(YEAR FROM #A) AS INT)",
                "CAST(EXTRACT(DAY FROM #T) AS INT)",
                "TIMESTAMPDIFF(DAY, #T, #T)",
                "INSTR(#S, #S)",
                "ASCII(#S)",
                "SIGN(#I)",
                "MOD(#I, #I)",
                "CAST(#B AS INT)",
                "CARDINALITY(SPLIT(#S, ','))",
                "ARRAY[#I, #I][1]",
                "TRUNCATE(#I, -1)",
            ],
        ),
        Ty::Double => (
            &["d", "1.5e0", "-0.0e0", "CAST(NULL AS DOUBLE)"],
            &[
                "(#D + #D)",
                "(#D * #I)",
                "(#D - #M)",
                "(#D / #D)",
                "SQRT(#D)",
                "LN(#D)",
                "POWER(#D, #I)",
                "FLOOR(#D)",
                "CEIL(#D)",
                "ROUND(#D, #I)",
                "SIN(#D)",
                "CAST(#I AS DOUBLE)",
                "CAST(#M AS DOUBLE)",
                "TRY_CAST(#S AS DOUBLE)",
                "COALESCE(#D, #D)",
                "CASE WHEN #B THEN #D END",
                "ATAN2(#D, #D)",
                "LOG(#D, #D)",
            ],
        ),
        Ty::Decimal => (
            &["m", "1.5", "-0.10", "CAST(NULL AS DECIMAL(5, 2))"],
            &[
                "(#M + #M)",
                "(#M - #I)",
                "(#M * 2.5)",
                "(#M / 3)",
                "(#M % 0.7)",
                "ROUND(#M, 1)",
                "CEIL(#M)",
                "FLOOR(#M)",
                "ABS(#M)",
                "CAST(#I AS DECIMAL(12, 2))",
                "CAST(#D AS DECIMAL(10, 4))",
                "TRY_CAST(#S AS DECIMAL(6, 2))",
                "COALESCE(#M, #M)",
                "CASE WHEN #B THEN #M ELSE #I END",
                "TRUNCATE(#M, 1)",
                "NULLIF(#M, #M)",
            ],
        ),
        Ty::Text => (
            &["s", "u", "'a'", "''", "'o'", "CAST(NULL AS STRING)"],
            &[
                "(#S || #S)",
                "UPPER(#S)",
                "LOWER(#S)",
                "TRIM(#S)",
                "SUBSTRING(#S, #I)",
                "SUBSTRING(#S, #I, #I)",
                "REVERSE(#S)",
                "REPLACE(#S, #S, #S)",
                "COALESCE(#S, #S)",
                "CASE WHEN #B THEN #S ELSE #S END",
                "CAST(#I AS STRING)",
                "CAST(#D AS STRING)",
                "CAST(#M AS STRING)",
                "CAST(#A AS STRING)",
                "CAST(#T AS STRING)",
                "CAST(#B AS STRING)",
                "LEFT(#S, #I)",
                "RIGHT(#S, 2)",
                "LPAD(#S, 5, 'xy')",
                "INITCAP(#S)",
                "CONCAT_WS('-', #S, #S)",
                "SPLIT_INDEX(#S, ',', #I)",
                "REGEXP_REPLACE(#S, '[a-l]+', #S)",
                "REGEXP_EXTRACT(#S, '(\\w)(\\w)', 2)",
                "DATE_FORMAT(#T, 'yyyy-MM-dd HH:mm')",
                "MD5(#S)",
                "TO_BASE64(#S)",
                "NULLIF(#S, #S)",
                "CAST(#S AS VARCHAR(2))",
                "CAST(#S AS CHAR(4))",
                "IFNULL(#S, #S)",
                "TRANSLATE(#S, 'abc', 'x')",
                "JSON_OBJECT('k' VALUE #S)",
                "OVERLAY(#S PLACING #S FROM 2)",
                "ARRAY_JOIN(SPLIT(#S, ','), '+')",
                "ELT(#I, #S, #S)",
                "HEX(#S)",
            ],
        ),
        Ty::Truth => (
            &["p", "TRUE", "FALSE", "CAST(NULL AS BOOLEAN)"],
            &[
                "(#B AND #B)",
                "(#B OR #B)",
                "(NOT #B)",
                "(#I = #I)",
                "(#I < #M)",
                "(#D >= #I)",
                "(#S = #S)",
                "(#S < #S)",
                "(#A > #A)",
                "(#T <> #T)",
                "(#I IS NULL)",
                "(#S IS NOT NULL)",
                "(#B IS TRUE)",
                "(#I IN (1, #I, 7))",
                "(#S LIKE '%l%')",
                "(#S NOT IN ('a', #S))",
                "(#I BETWEEN #I AND #I)",
                "(#M IS DISTINCT FROM #M)",
                "(#B IS NOT DISTINCT FROM #B)",
                "STARTSWITH(#S, #S)",
                "REGEXP(#S, 'o$')",
                "(#S SIMILAR TO '[a-z ]+')",
                "IS_DIGIT(#S)",
                "ARRAY_CONTAINS(ARRAY[#I, #I], #I)",
                "(#I <> 0 AND 10 / #I > 1)",
            ],
        ),
        Ty::Date => (
            &["da", "DATE '2000-12-31'", "CAST(NULL AS DATE)"],
            &[
                "(#A + INTERVAL '1' DAY)",
                "(#A - INTERVAL '1' MONTH)",
                "CAST(#T AS DATE)",
                "COALESCE(#A, #A)",
                "TO_DATE(#S)",
                "CASE WHEN #B THEN #A ELSE #A END",
                "FLOOR(#A TO MONTH)",
                "TRY_CAST(#S AS DATE)",
            ],
        ),
        Ty::Timestamp => (
            &[
                "ts",
                "TIMESTAMP '2000-12-31 23:59:59.5'",
                "CAST(NULL AS TIMESTAMP(3))",
            ],
            &[
                "(#T + INTERVAL '1 02:03:04' DAY TO SECOND)",
                "(#T - INTERVAL '1' YEAR)",
                "COALESCE(#T, #T)",
                "FLOOR(#T TO HOUR)",
                "TIMESTAMPADD(MINUTE, #I % 100, #T)",
                "CASE WHEN #B THEN #T END",
                "TO_TIMESTAMP(#S)",
                "CAST(#A AS TIMESTAMP(3))",
            ],
        ),
    }
}

const TYPES: [Ty; 7] = [
    Ty::Int,
    Ty::Double,
    Ty::Decimal,
    Ty::Text,
    Ty::Truth,
    Ty::Date,
    Ty::Timestamp,
];

fn expression(rng: &mut StdRng, ty: Ty, depth: usize) -> String {
    let (leaves, forms) = forms(ty);
    if depth == 0 || rng.random_bool(0.15) {
        return leaves[rng.random_range(0..leaves.len())].to_owned();
    }
    let form = forms[rng.random_range(0..forms.len())];
    let mut parts = form.split('#');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hole, rest) = part.split_at(1);
        let ty = match hole {
            "I" => Ty::Int,
            "D" => Ty::Double,
            "M" => Ty::Decimal,
            "S" => Ty::Text,
            "B" => Ty::Truth,
            "A" => Ty::Date,
            _ => Ty::Timestamp,
        };
        out += &expression(rng, ty, depth - 1);
        out += rest;
    }
    out
}

/// A query of some expressions over [`TABLE`], with a filter now and then.
pub fn query(rng: &mut StdRng) -> String {
    let count = rng.random_range(1..=4);
    let exprs: Vec<String> = (0..count)
        .map(|_| {
            let ty = TYPES[rng.random_range(0..TYPES.len())];
            let depth = rng.random_range(1..=3);
            expression(rng, ty, depth)
        })
        .collect();
    let mut sql = format!("SELECT id, {} FROM {TABLE}", exprs.join(", "));
    if rng.random_bool(0.3) {
        sql += &format!(" WHERE {}", expression(rng, Ty::Truth, 2));
    }
    sql
}
