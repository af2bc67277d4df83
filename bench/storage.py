"""The Python client against one server: MB/s of 256 MB, operations a second of 1 KB. Prints one JSON object."""
import json, os, statistics, sys, tempfile, time
url, what = sys.argv[1], sys.argv[2].split(",")
os.environ["STORAGE_EMULATOR_HOST"] = url
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
client = storage.Client(project="bench", credentials=AnonymousCredentials())
bucket = client.bucket(f"bench-{int(time.time() * 1000)}")
if "nothing" not in what: client.create_bucket(bucket)
result = {}
def median_of(run, times=3):
    taken = []
    for _ in range(times):
        start = time.perf_counter(); run(); taken.append(time.perf_counter() - start)
    return statistics.median(taken)
with tempfile.TemporaryDirectory() as folder:
    big = os.path.join(folder, "big")
    with open(big, "wb") as file: file.write(os.urandom(256 << 20))
    if "upload" in what: result["upload_MBps"] = 256 / median_of(lambda: bucket.blob("big").upload_from_filename(big))
    if "download" in what: result["download_MBps"] = 256 / median_of(lambda: bucket.blob("big").download_to_filename(os.path.join(folder, "down"), checksum=None if "nothing" in what else "auto"))
    small = b"x" * 1024
    def puts():
        for index in range(300): bucket.blob(f"s/{index}").upload_from_string(small)
    def gets():
        for index in range(300): bucket.blob(f"s/{index}").download_as_bytes()
    if "small" in what:
        result["put_per_s"] = 300 / median_of(puts)
        result["get_per_s"] = 300 / median_of(gets)
print(json.dumps(result))
