"""Two small workflows and a repository for them: what the harness's own tests run."""

import shutil
import subprocess
from pathlib import Path

from act import beside
from github import GitHub
from project import REPOSITORY
from workflow import actions

FLOW = ".github/workflows/flow.yml"


def uses(name: str) -> str:
    return f"uses: {name}@{actions()[name]['sha']}"


HEAD = """
name: Flow
on:
  workflow_dispatch:
    inputs:
      fail: {type: boolean, default: false}
permissions: {}
jobs:
"""
PLAY = f"""{HEAD}
  make:
    runs-on: ubuntu-24.04
    permissions: {{contents: read}}
    outputs:
      version: ${{{{ steps.version.outputs.version }}}}
    steps:
      - {uses("actions/checkout")}
        with: {{fetch-depth: 0, persist-credentials: false}}
      - {uses("actions/setup-python")}
        with: {{python-version: "3.11"}}
      - run: make setup
      - id: version
        name: Tell the version
        run: |
          source .venv/bin/activate
          echo "version=$(ratchet --version)" >> "$GITHUB_OUTPUT"
          python -c 'import ratchet; print(ratchet.__file__)'
          dvc --version
          mkdir -p reports/.hidden && echo fine > reports/report.txt && echo x > reports/.hidden/x
          echo "## It is made" >> "$GITHUB_STEP_SUMMARY"
      - name: Stop
        if: inputs.fail
        run: |
          # On a busy machine act may miss what a step of a few milliseconds said.
          echo "reasons" && sleep .3 && exit 3
      - {uses("actions/upload-artifact")}
        with: {{name: report, path: reports/, if-no-files-found: error}}
  propose:
    runs-on: ubuntu-24.04
    needs: make
    permissions: {{}}
    steps:
      - {uses("actions/create-github-app-token")}
        id: app
        with:
          client-id: ${{{{ vars.APP_CLIENT_ID }}}}
          private-key: ${{{{ secrets.APP_PRIVATE_KEY }}}}
          permission-contents: write
          permission-pull-requests: write
      - {uses("actions/checkout")}
        with: {{token: "${{{{ steps.app.outputs.token }}}}", persist-credentials: false}}
      - {uses("actions/download-artifact")}
        with: {{name: report, path: incoming}}
      - name: Push
        env:
          GH_TOKEN: ${{{{ steps.app.outputs.token }}}}
        run: |
          git config user.name bot && git config user.email bot@example.com
          cp incoming/report.txt report.txt && ls -A incoming
          git add report.txt && git commit --quiet --message "${{{{ needs.make.outputs.version }}}}"
          git -c credential.helper= -c credential.helper='!gh auth git-credential' \\
            push --force origin HEAD:refs/heads/next
          gh api repos/$GITHUB_REPOSITORY/pulls -f head=next -f base=main -f title=Next \\
            -f body=Body --jq .number
          gh api repos/$GITHUB_REPOSITORY/issues/1/labels -f 'labels[]=good' --silent
          curl --silent --show-error --fail --data hi https://hooks.example.com/done
  alarm:
    runs-on: ubuntu-24.04
    needs: [make, propose]
    if: failure()
    permissions: {{issues: write}}
    steps:
      - env:
          GH_TOKEN: ${{{{ github.token }}}}
          WHERE: ${{{{ needs.make.result }}}}
        run: |
          gh api repos/$GITHUB_REPOSITORY/issues -f title="make: $WHERE" --jq .html_url
"""
PULL = f"""
name: Pull
on: pull_request
permissions: {{}}
jobs:
  look:
    runs-on: ubuntu-24.04
    permissions: {{contents: read}}
    steps:
      - {uses("actions/checkout")}
        with: {{path: head, fetch-depth: 0, ref: "${{{{ github.event.pull_request.head.sha }}}}"}}
      - {uses("actions/checkout")}
        with: {{path: base, ref: "${{{{ github.base_ref }}}}"}}
      - {uses("actions/checkout")}
        with: {{path: merged, fetch-depth: 2}}
      - run: |
          for each in head base merged; do git -C $each log -1 --format="$each %H"; done
          git -C head merge-base origin/main HEAD
          echo "$GITHUB_SHA $GITHUB_REF ${{{{ github.event.pull_request.head.ref }}}}"
"""


def commit(github: GitHub, folder: Path, flow: str) -> None:
    """Make a repository with this workflow, and what `make setup` and `ratchet` need, on main."""
    for name in ("Makefile", "pyproject.toml", ".gitignore"):
        folder.mkdir(exist_ok=True)
        shutil.copy2(REPOSITORY / name, folder)
    for name in ("requirements", "src"):
        shutil.copytree(REPOSITORY / name, folder / name)
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / FLOW).write_text(flow)
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["add", "--all"],
        ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "one"],
        ["push", "--quiet", str(github.repository), "main"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)


def gh_says(github: GitHub, token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run gh against the stand-in."""
    return subprocess.run(
        [str(beside("gh")), *arguments],
        env=github.environment() | {"GH_TOKEN": token, "HOME": str(github.repository.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
