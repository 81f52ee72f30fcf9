"""What a person types: real examples for the help of each command, one a line.

A comment says what it is for. A test parses them all, so none can name an option that is gone.
"""

EXAMPLES = {
    "init": """
        ratchet init deliveries/ --target churned                   # a file for each delivery
        ratchet init all.csv --target price --time sold_at          # one big file, cut by time
        ratchet init 's3://${DATA_BUCKET}/new_data/' --target late
    """,
    "discover": """
        ratchet discover                              # pin all that is new
        ratchet discover --since 2026-01-01           # on a long history: begin here
        ratchet discover --accept-changed 2026-03-14  # it was delivered again, and that's right
    """,
    "fetch": """
        ratchet fetch --manifest data/manifest.csv --raw data/raw  # what `dvc repro fetch` runs
    """,
    "validate": """
        # what `dvc repro validate` runs
        ratchet validate --manifest data/manifest.csv --raw data/raw --schema schema.yaml \
--validated data/validated --profiles data/profiles --records data/records.json \
--report reports/validation.json --summary reports/validation.md --plots reports/plots
    """,
    "train": """
        # what `dvc repro train` runs
        ratchet train --validated data/validated --schema schema.yaml \
--environment requirements/run.txt --model models/model.skops --card models/card.json \
--scored data/scored.parquet --importance reports/plots/importance.csv --golden models/golden.json
    """,
    "evaluate": """
        # what `dvc repro evaluate` runs
        ratchet evaluate --scored data/scored.parquet --card models/card.json \
--metrics reports/metrics.json --report reports/evaluation.json --plots reports/plots
    """,
    "summary": """
        ratchet summary
    """,
    "predict": """
        ratchet predict models/model.skops today.csv                  # print key and score
        ratchet predict models/model.skops today.csv --to scores.csv
        ratchet predict old/model.skops today.csv --card old/card.json
    """,
    "batch": """
        ratchet batch show 2026-03-14
        ratchet batch exclude 2026-03-14 --note "test orders of the shop"
    """,
    "batch show": """
        ratchet batch show 2026-03-14
    """,
    "batch accept": """
        ratchet batch accept 2026-02-08 --note "the blizzard was real"
    """,
    "batch exclude": """
        ratchet batch exclude 2026-03-14 --note "test orders of the shop"
    """,
    "batch reset": """
        ratchet batch reset 2026-03-14
    """,
    "calibrate": """
        ratchet calibrate                          # propose, and show why
        ratchet calibrate --per-month 1 --write    # write what bears one false alarm in 30 batches
        ratchet calibrate --until 2026-03-31       # learn from the past before this
    """,
    "drill": """
        ratchet drill                              # play every fault
        ratchet drill --list                       # which are there?
        ratchet drill --only column-renamed unit-x1.609 --json drill.json
    """,
    "gate": """
        ratchet gate                               # against origin/main, as CI does
        ratchet gate --base HEAD~1 --no-remote     # against the last commit, before `dvc push`
        ratchet gate --base v3 --rebuild           # and make it again: the same bytes?
    """,
    "trigger": """
        ratchet trigger
        ratchet trigger --json
    """,
    "nightly": """
        ratchet nightly                            # here; nothing leaves this machine
        ratchet nightly --push                     # and the pull request
        ratchet nightly --until 2026-03-14 --force # as if it were that night, whatever the trigger
    """,
    "propose": """
        ratchet propose .ratchet/night             # what `nightly --hand-over` has left there
    """,
    "alarm": """
        ratchet alarm                              # in a job that needs the others, with NEEDS set
        ratchet alarm --about restore
    """,
    "comment": """
        ratchet comment 17 --report reports/gate.md
    """,
    "replay": """
        ratchet replay                             # every night of the past
        ratchet replay --nights 30 --jobs 2 --report replay.md
        ratchet replay --inject worse-model --share 0.2
    """,
    "register": """
        ratchet register                           # on main, after the merge
        ratchet register --stage staging --message "on trial until Friday"
        ratchet register --notes notes.md
    """,
    "rollback": """
        ratchet rollback v3 --reason "v4 rejects half of the orders" --dry-run
        ratchet rollback v3 --reason "v4 rejects half of the orders"
        ratchet rollback v3 --reason "in a hurry" --model-only
    """,
    "history": """
        ratchet history --limit 10
        ratchet history --at 2026-03-14T03:00      # what was in production then
        ratchet history --html history.html        # a page with charts
    """,
    "show": """
        ratchet show v3
        ratchet show v3 --json
    """,
    "diff": """
        ratchet diff v2 v3
        ratchet diff v3 HEAD --no-scores           # from git alone
    """,
    "verify": """
        ratchet verify v3
        ratchet verify --random 5 --keep 90d
        ratchet verify --all --data                # bring every object and check its hash
    """,
    "export": """
        ratchet export mlflow --name late-flights --tracking-uri http://mlflow:5000
    """,
    "export mlflow": """
        ratchet export mlflow --name late-flights --tracking-uri http://mlflow:5000
        ratchet export mlflow --name late-flights --experiment nightly --json
    """,
    "gc": """
        ratchet gc --keep 90d --dry-run
        ratchet gc --keep 90d --cloud --yes
    """,
    "sample": """
        ratchet sample publish --days 1
    """,
    "sample publish": """
        ratchet sample publish --days 1            # the next day
        ratchet sample publish --until 2013-04-30
    """,
    "doctor": """
        ratchet doctor
        ratchet doctor --json
    """,
    "completion": """
        ratchet completion bash > ~/.local/share/bash-completion/completions/ratchet
        ratchet completion zsh > ~/.zfunc/_ratchet  # a folder of your fpath
    """,
}
