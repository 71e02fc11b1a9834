# workload.ts with botocore, whose default chain is also that of boto3 and of the AWS CLI.
import datetime
import json
import sys

import botocore.credentials
import botocore.session
import botocore.utils

# It asks three times, a second apart.
botocore.utils.ContainerMetadataFetcher.SLEEP_TIME = 0


def call(session, ahead):
    credentials = session.get_credentials()
    credentials._time_fetcher = lambda: botocore.credentials._local_now() + datetime.timedelta(seconds=ahead)
    session.create_client("sts").get_caller_identity()


session = botocore.session.get_session()
for line in sys.stdin:
    try:
        call(session, int(line))
        seen = ""
    except Exception as error:
        seen = str(error)
    print(json.dumps(seen), flush=True)
