#!/bin/sh
# Fetches real documentation into DIR, a cache outside the tree: READMEs and HTML of npm, PyPI,
# crates and Debian's -doc packages, about 1,200 pages in DIR/pages. Then answer_notes DIR/pages
# prints how many of them the guard would note. Usage: fetch_documentation.sh DIR
set -eu
dir=${1:?usage: fetch_documentation.sh DIR}
mkdir -p "$dir/pages" "$dir/work"
cd "$dir/work"

npm_packages="express react vue lodash axios commander chalk webpack eslint prettier jest mocha yargs
  typescript next vite rollup esbuild fastify koa socket.io ws dotenv uuid moment dayjs zod ajv rxjs
  redux mongoose pg mysql2 sequelize knex prisma pino winston debug semver glob rimraf minimist
  inquirer ora execa got node-fetch undici cheerio puppeteer playwright sharp marked markdown-it
  handlebars ejs pug sass postcss tailwindcss autoprefixer babel-loader openai @anthropic-ai/sdk
  langchain ai llamaindex graphql nodemon pm2 concurrently husky lint-staged turbo lerna nx"
python_packages="requests flask django fastapi numpy pandas scipy matplotlib pytest black ruff mypy
  click rich typer httpx aiohttp pydantic sqlalchemy celery redis boto3 openai anthropic langchain
  transformers tiktoken jinja2 pyyaml tqdm pillow beautifulsoup4 lxml scrapy selenium attrs
  cryptography paramiko fabric ansible-core tox poetry pipenv virtualenv sphinx mkdocs jupyterlab
  notebook ipython streamlit gradio polars pyarrow uvicorn gunicorn starlette"
crates="serde tokio clap rand regex anyhow thiserror tracing hyper reqwest axum actix-web rayon
  itertools chrono log env_logger syn quote proc-macro2 bitflags libc bytes futures crossbeam
  parking_lot once_cell sqlx diesel tonic prost rustls ring sha2 base64 url uuid toml ratatui
  crossterm indicatif walkdir ignore globset memchr nom pest image wgpu bevy_ecs"
debian_packages="python3-doc git-doc postgresql-doc-15 sqlite3-doc nginx-doc apache2-doc gcc-12-doc
  cmake-doc libboost1.74-doc rust-doc zlib1g-dev gnupg-doc"

for name in $npm_packages; do
  npm pack --silent "$name" >/dev/null 2>&1 || echo "not fetched: npm $name" >&2
done
for name in $python_packages; do
  pip download --quiet --no-deps --no-binary :none: --dest . "$name" >/dev/null 2>&1 ||
    echo "not fetched: PyPI $name" >&2
done
for name in $crates; do
  cargo info "$name" >/dev/null 2>&1 || true
done
if command -v cargo >/dev/null; then
  mkdir -p crates/src && : >crates/src/lib.rs
  { printf '[package]\nname = "documentation"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\n'
    for name in $crates; do printf '%s = "*"\n' "$name"; done; } >crates/Cargo.toml
  (cd crates && cargo vendor --quiet vendor >/dev/null 2>&1) || echo "not fetched: crates" >&2
fi
for name in $debian_packages; do
  apt-get download "$name" >/dev/null 2>&1 || echo "not fetched: Debian $name" >&2
done

for archive in *.tgz *.tar.gz; do
  [ -f "$archive" ] && mkdir -p "x/$archive" && tar -xzf "$archive" -C "x/$archive" || true
done
for archive in *.whl *.zip; do
  [ -f "$archive" ] && mkdir -p "x/$archive" && python3 -m zipfile -e "$archive" "x/$archive" || true
done
for archive in *.deb; do
  [ -f "$archive" ] && mkdir -p "x/$archive" && dpkg-deb -x "$archive" "x/$archive" || true
done

# Of one package at most 12 pages, so that none outweighs the others.
for package in x/* crates/vendor/*; do
  [ -d "$package" ] || continue
  find "$package" -type f -size -400k \( -iname '*.md' -o -iname '*.html' -o -iname '*.rst' \
    -o -name METADATA -o -iname 'readme*' \) | sort | awk 'NR % 7 == 1 || /README/' | head -12
done | while read -r page; do
  name=$(printf '%s' "$page" | tr '/ ' '__')
  case "$page" in *METADATA) name=$name.md ;; esac
  cp "$page" "$dir/pages/$name"
done
ls "$dir/pages" | wc -l
