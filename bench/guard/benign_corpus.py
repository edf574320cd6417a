#!/usr/bin/env python3
"""Collects text that no guard should refuse: what the package registries serve to everyone.

    benign_corpus.py DIRECTORY [--megabytes N]

Fetches packages with pip, npm, cargo, go and apt-get, each as the machine has it set up, unpacks them below
DIRECTORY/text, packs some of them with git, and writes images as base64 in lines and in data URLs. Each tool that is
there takes part; what was fetched before is not fetched again. Then bench/guard's scan_files reads DIRECTORY/text.
Exit status 1 if less than N megabytes (200) were collected.
"""
import argparse
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

# Sources with tests, documentation, lock files, minified scripts and translations.
PYPI = ("django", "botocore", "sympy", "sphinx", "faker", "jupyterlab", "plotly", "twilio", "stripe", "slack_sdk",
        "detect-secrets", "ansible-core", "azure-storage-blob", "google-api-python-client", "sqlalchemy", "paramiko",
        "cryptography", "scrapy", "babel", "pip", "moto", "openai", "anthropic", "kubernetes", "streamlit", "databricks-sdk")
NPM = ("typescript", "react-dom", "webpack", "aws-sdk", "date-fns", "jsonwebtoken", "monaco-editor", "firebase",
       "stripe", "googleapis", "@octokit/openapi-types", "i18n-iso-countries", "@fortawesome/fontawesome-free",
       "vite", "next", "mermaid", "npm", "eslint", "supabase", "@sentry/browser", "discord.js", "mongodb", "pg", "ioredis",
       "twilio", "@mdn/browser-compat-data", "bootstrap", "jose", "openai", "bip39", "node-forge")
CRATES = ("tokio", "serde_json", "rustls", "ring", "reqwest", "git2", "aws-sdk-s3", "jsonwebtoken", "sqlx", "bip39",
          "bitcoin", "clap", "regex", "octocrab", "pem", "ssh-key", "mongodb", "redis")
GO = ("golang.org/x/crypto", "github.com/golang-jwt/jwt/v5", "k8s.io/client-go",
      "github.com/hashicorp/vault/api", "github.com/go-git/go-git/v5", "github.com/jackc/pgx/v5",
      "go.mongodb.org/mongo-driver", "github.com/slack-go/slack", "github.com/aws/aws-sdk-go",
      "github.com/hashicorp/terraform", "github.com/redis/go-redis/v9", "gitlab.com/gitlab-org/api/client-go")
DEBIAN = ("python3-doc", "git-doc", "openssl", "libssl-doc", "postgresql-doc", "debian-handbook", "gnupg-l10n",
          "apache2-doc", "rust-doc")
TO_GIT = 12          # trees that are packed with git, the largest first
IMAGES = (".png", ".jpg", ".gif", ".ico", ".woff2")


def run(command, cwd):
    """True if the command did its work; what it says is shown only if it did not."""
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        print(f"{' '.join(command[:6])}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
    return done.stdout if done.returncode == 0 else None


def unpack(archive, into):
    if into.exists():
        return
    part = into.with_name(into.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(part)
    elif archive.suffix == ".deb":
        run(["dpkg-deb", "-x", str(archive), str(part)], part)
    else:
        with tarfile.open(archive) as opened:
            opened.extractall(part, filter="data")
    part.rename(into)


def fetch_each(names, store, command):
    """Runs the command for each name that has no mark yet, in the store."""
    store.mkdir(parents=True, exist_ok=True)
    for name in names:
        mark = store / ("." + name.replace("/", "+"))
        if not mark.exists() and run(command + [name], store) is not None:
            mark.touch()


def from_pypi(root):
    store = root / "archives/pypi"
    fetch_each(PYPI, store, [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"])
    for archive in store.glob("*.whl"):
        unpack(archive, root / "text/pypi" / archive.stem)


def from_npm(root):
    store = root / "archives/npm"
    fetch_each(NPM, store, ["npm", "pack", "--silent", "--ignore-scripts"])
    for archive in store.glob("*.tgz"):
        unpack(archive, root / "text/npm" / archive.stem)


def from_crates(root):
    project = root / "archives/crates"
    vendored = root / "text/crates"
    if vendored.exists():
        return
    (project / "src").mkdir(parents=True, exist_ok=True)
    (project / "src/lib.rs").touch()
    (project / "Cargo.toml").write_text('[package]\nname = "corpus"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\n'
                                        + "".join(f'{name} = "*"\n' for name in CRATES))
    if run(["cargo", "vendor", "--quiet", str(vendored)], project) is not None:
        shutil.copy(project / "Cargo.lock", vendored)


def from_go(root):
    for name in GO:
        into = root / "text/go" / name.replace("/", "+")
        if into.exists():
            continue
        said = run(["go", "mod", "download", "-json", name + "@latest"], root)
        if said is not None:
            unpack(pathlib.Path(json.loads(said)["Zip"]), into)


def from_debian(root):
    store = root / "archives/debian"
    fetch_each(DEBIAN, store, ["apt-get", "download", "-qq"])
    for archive in store.glob("*.deb"):
        unpack(archive, root / "text/debian" / archive.stem)
    for packed in [path for path in files_of(root / "text/debian") if path.suffix == ".gz"]:
        run(["gunzip", "-f", str(packed)], root)


def files_of(tree):
    return [path for path in tree.rglob("*") if path.is_file() and not path.is_symlink()]


def pack_with_git(root):
    trees = [tree for kind in ("pypi", "npm", "go") for tree in (root / "text" / kind).glob("*")]
    trees.sort(key=lambda tree: sum(path.stat().st_size for path in files_of(tree)))
    for tree in trees[-TO_GIT - 5:-5]:
        into = root / "text/packs" / (tree.name + ".pack")
        if into.exists():
            continue
        into.parent.mkdir(parents=True, exist_ok=True)
        work = root / "archives/git"
        shutil.rmtree(work, ignore_errors=True)
        git = ["git", f"--git-dir={work}", f"--work-tree={tree}", "-c", "user.name=n", "-c", "user.email=e"]
        if all(run(git + command, root) is not None
               for command in (["init", "-q"], ["add", "-A", "-f"], ["commit", "-qm", "all"], ["gc", "-q"])):
            shutil.copy(next((work / "objects/pack").glob("*.pack")), into)


def images_as_base64(root):
    into = root / "text/base64"
    if into.exists():
        return
    into.mkdir(parents=True)
    images = [path for path in files_of(root / "text") if path.suffix in IMAGES and path.stat().st_size > 2000][:1500]
    with open(into / "lines.eml", "wb") as lines, open(into / "inline.json", "w", encoding="ascii") as inline:
        for image in images:
            content = image.read_bytes()
            lines.write(base64.encodebytes(content) + b"\n--next\n")
            inline.write(json.dumps({"url": "data:image/png;base64," + base64.b64encode(content).decode()}) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--megabytes", type=int, default=200)
    options = parser.parse_args()
    root = options.directory.resolve()
    root.mkdir(parents=True, exist_ok=True)
    for tool, collect in (("pip", from_pypi), ("npm", from_npm), ("cargo", from_crates), ("go", from_go),
                          ("apt-get", from_debian), ("git", pack_with_git), ("git", images_as_base64)):
        if shutil.which(tool):
            collect(root)
    sizes = {kind.name: sum(path.stat().st_size for path in files_of(kind)) for kind in sorted((root / "text").iterdir())}
    for kind, size in sizes.items():
        print(f"{kind:10} {size / 1e6:8.1f} MB")
    print(f"{'in sum':10} {sum(sizes.values()) / 1e6:8.1f} MB")
    return os.EX_OK if sum(sizes.values()) >= options.megabytes * 1e6 else 1


if __name__ == "__main__":
    sys.exit(main())
