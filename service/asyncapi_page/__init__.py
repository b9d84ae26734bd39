"""The page that shows a part's AsyncAPI document, with all the files it needs.

The folder `react-component` holds files of the npm package @asyncapi/react-component (Apache-2.0), unchanged and under
their own names; `make asyncapi-page` fetches them again, in the version that `VERSION` names.
"""
