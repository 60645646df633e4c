"""A Dask cluster of dicomveil workers on SLURM, for `dicomveil export --scheduler tls://…`.

    pip install "dicomveil-proxy[dask,s3]" dask-jobqueue
    python slurm.py &
    dicomveil export --scheduler "$(cat scheduler.address)" --key-file /shared/project.key …

Certificates for TLS are made once, readable for you alone, on a file system that all nodes share:

    openssl req -x509 -newkey rsa:3072 -nodes -keyout dask.key -out dask.pem -subj /CN=dask -days 365

and named in the environment of coordinator, scheduler and workers:

    export DASK_DISTRIBUTED__COMM__TLS__CA_FILE=/shared/dask.pem
    for role in SCHEDULER WORKER CLIENT; do
      export DASK_DISTRIBUTED__COMM__TLS__${role}__CERT=/shared/dask.pem
      export DASK_DISTRIBUTED__COMM__TLS__${role}__KEY=/shared/dask.key
    done
"""

from __future__ import annotations

import signal
from pathlib import Path

import dask
from dask_jobqueue import SLURMCluster
from distributed.security import Security

# A unit that took its process with it has failed: dicomveil tries it again, last.
dask.config.set({"distributed.scheduler.allowed-failures": 0})

cluster = SLURMCluster(
    queue="short",
    cores=4,
    memory="8GB",
    walltime="04:00:00",
    protocol="tls://",
    security=Security(require_encryption=True),
    scheduler_options={"dashboard": False},
    # A worker whose time runs out hands its work back before it is stopped.
    worker_extra_args=["--lifetime", "230m", "--lifetime-stagger", "5m", "--no-dashboard"],
    job_extra_directives=["--signal=TERM@120"],
)
cluster.adapt(minimum_jobs=1, maximum_jobs=20)
Path("scheduler.address").write_text(cluster.scheduler_address, encoding="ascii")
signal.pause()
