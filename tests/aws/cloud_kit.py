"""An AWS emulator as a process of its own, and a stack in it, deployed from the written template."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import WaiterError
from botocore.session import Session

REGION: Final = "eu-central-1"
KEYS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}
LOCALSTACK: Final = os.environ.get("HOLDFAST_LOCALSTACK")
"""The Python of an environment of its own: LocalStack wants other versions of nearly everything."""

# Many times what they take on a quiet machine, so that a busy one fails no test.
START_SECONDS: Final = 300
DEPLOY_SECONDS: Final = 600


@dataclass
class Cloud:
    """Where it listens, and clients for it."""

    endpoint: str
    account: str = "000000000000"

    @cached_property
    def _session(self) -> Any:
        session = Session()
        session.set_credentials("test", "test")
        return session

    def client(self, service: str) -> Any:
        # StartSyncExecution would be asked at another host otherwise.
        config = Config(
            inject_host_prefix=False, read_timeout=DEPLOY_SECONDS, retries={"total_max_attempts": 1}
        )
        return self._session.create_client(
            service, region_name=REGION, endpoint_url=self.endpoint, config=config
        )


@dataclass(frozen=True)
class Stack:
    """What was deployed: outputs by what they say, and the parts of each webhook."""

    cloud: Cloud
    name: str
    parts: Mapping[str, Mapping[str, str]]
    resources: Mapping[str, str]
    """Physical ids by logical ones."""
    types: Mapping[str, int]


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: list[str], environment: Mapping[str, str], health: str) -> Iterator[None]:
    """A process of ours, until the block ends. Its output goes nowhere; its end is its own pid's."""
    process = subprocess.Popen(  # noqa: S603 - the command is written in this folder
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(health, process)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), opener.open(url, timeout=30):
            return
        with contextlib.suppress(
            subprocess.TimeoutExpired
        ):  # it needs the processor more than we do
            raise AssertionError(f"the emulator ended with {process.wait(0.2)}")
    raise AssertionError("the emulator did not start")


@contextlib.contextmanager
def ministack() -> Iterator[Cloud]:
    """MiniStack on loopback."""
    port = free_port()
    environment = {
        **KEYS,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "ERROR",
        "SERVICES": "",
    }
    endpoint = f"http://127.0.0.1:{port}"
    with running([sys.executable, "-m", "ministack"], environment, f"{endpoint}/_ministack/health"):
        yield Cloud(endpoint)


@contextlib.contextmanager
def localstack() -> Iterator[Cloud]:
    """LocalStack in host mode on loopback, from the environment that `HOLDFAST_LOCALSTACK` names."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **KEYS,
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{port}",
            "GATEWAY_SERVER": "hypercorn",
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "USE_SSL": "0",
            "DNS_ADDRESS": "0",
            "LS_LOG": "error",
            "PYTHONPATH": str(Path(__file__).parent / "localstack"),
            "TMPDIR": folder,
            "FILESYSTEM_ROOT": folder,
        }
        command = [str(LOCALSTACK), "-m", "localstack.runtime.main"]
        endpoint = f"http://127.0.0.1:{port}"
        with running(command, environment, f"{endpoint}/_localstack/health"):
            yield Cloud(endpoint)


def door_of(template: Path, folder: Path) -> Path:
    """What of a template stands in front of the queues, and those: all that needs no function."""
    document = json.loads(template.read_text())
    found = {
        id: each
        for id, each in document["Resources"].items()
        if each["Type"].split("::")[1] in ("ApiGateway", "SQS")
        or each["Type"] in ("AWS::IAM::Role", "AWS::Logs::LogGroup")
    }
    while lost := {id for id, each in found.items() if missing(each, found)}:
        found = {id: each for id, each in found.items() if id not in lost}
    for each in found.values():
        waits = each.get("DependsOn", [])
        each["DependsOn"] = [
            id for id in ([waits] if isinstance(waits, str) else waits) if id in found
        ]
    written = folder / template.name
    written.write_text(json.dumps({"Resources": found}))
    written.with_name(f"{template.name.partition('.')[0]}.assets.json").write_text('{"files": {}}')
    return written


def missing(node: Any, found: Mapping[str, Any]) -> bool:
    """Whether it refers to what is not there."""
    if isinstance(node, list):
        return any(missing(each, found) for each in node)
    if not isinstance(node, dict):
        return False
    named = [node[key] for key in ("Ref", "Fn::GetAtt") if key in node]
    names = [each[0] if isinstance(each, list) else each for each in named]
    if any(not name.startswith("AWS::") and name not in found for name in names):
        return True
    return any(missing(each, found) for key, each in node.items() if key != "DependsOn")


def deploy(cloud: Cloud, template: Path, name: str) -> Stack:
    """Put the assets where the template looks for them, and have CloudFormation make the stack."""
    formation = cloud.client("cloudformation")
    if "BootstrapVersion" in template.read_text():
        version = {"Name": "/cdk-bootstrap/hnb659fds/version", "Value": "30", "Type": "String"}
        cloud.client("ssm").put_parameter(**version)
    formation.create_stack(
        StackName=name,
        TemplateURL=_upload(cloud, template),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    stack = _finished(formation, name)
    listed = formation.describe_stack_resources(StackName=name)["StackResources"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", [
        one for one in listed if one["ResourceStatus"] != "CREATE_COMPLETE"
    ] or stack
    outputs = stack.get("Outputs", [])
    told = [one["OutputValue"] for one in outputs if "parts" in one["OutputKey"]]
    parts = {one["webhook"]: one for one in map(json.loads, told)}
    types: dict[str, int] = {}
    for one in listed:
        types[one["ResourceType"]] = types.get(one["ResourceType"], 0) + 1
    ids = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in listed}
    return Stack(cloud, name, parts, ids, types)


def _finished(formation: Any, name: str) -> dict[str, Any]:
    asking = {"Delay": 1, "MaxAttempts": DEPLOY_SECONDS}
    with contextlib.suppress(WaiterError):  # whoever asked looks at what came of it
        formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=asking)
    stack: dict[str, Any] = formation.describe_stacks(StackName=name)["Stacks"][0]
    return stack


def _upload(cloud: Cloud, template: Path) -> str:
    """What `cdk deploy` does first. The template's URL: as text it would be too long."""
    s3 = cloud.client("s3")
    bucket = f"cdk-hnb659fds-assets-{cloud.account}-{REGION}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    manifest = template.with_name(template.name.replace(".template.json", ".assets.json"))
    for asset in json.loads(manifest.read_text())["files"].values():
        source = template.parent / asset["source"]["path"]
        body = _zipped(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
        (target,) = asset["destinations"].values()
        s3.put_object(Bucket=bucket, Key=target["objectKey"], Body=body)
    s3.put_object(Bucket=bucket, Key=template.name, Body=template.read_bytes())
    return f"{cloud.endpoint}/{bucket}/{template.name}"


def _zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return packed.getvalue()


def ask(url: str, method: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, Any]:
    """Status, body and headers of a real HTTP request."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(url, body, dict(headers), method=method)  # noqa: S310 - our own server
    try:
        with opener.open(asked, timeout=START_SECONDS) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers
